// Runs the units of rtl_gen/units/bench.py on one stimulus, and writes how often each net toggled.
// Built by sim/unit_bench.py.
//
// usage: simulator STIMULUS ROW FOLDER OUTPUTS
//
// STIMULUS: ROW bytes per cycle, the port `stimulus`, lowest bits first. FOLDER receives
// coverage.dat and run.saif, toggles from the first cycle on; rest.saif, in which the nets count 1
// that are 1 in the first cycle, as they do in run.saif; outputs.bin (OUTPUTS > 0; so many bytes
// of the port `outputs` per cycle).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "Vunit_bench.h"
#include "verilated.h"
#include "verilated_cov.h"
#include "verilated_saif_c.h"

namespace {

std::FILE* open(const std::string& path, const char* mode) {
    std::FILE* file = std::fopen(path.c_str(), mode);
    if (!file) { std::fprintf(stderr, "cannot open %s\n", path.c_str()); std::exit(3); }
    return file;
}

void cycle(Vunit_bench& top) {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) { std::fprintf(stderr, "4 arguments expected, %d found\n", argc - 1); return 2; }
    std::FILE* stimulus = open(argv[1], "rb");
    std::vector<uint8_t> row(std::strtoull(argv[2], nullptr, 10));
    const std::string folder = std::string(argv[3]) + "/";
    const size_t outputs = std::strtoull(argv[4], nullptr, 10);
    std::FILE* output_file = outputs ? open(folder + "outputs.bin", "wb") : nullptr;

    VerilatedContext context;
    context.traceEverOn(true);
    Vunit_bench top{&context};
    VerilatedSaifC rest, saif;
    top.trace(&rest, 99);
    top.trace(&saif, 99);
    if (row.size() > sizeof top.stimulus || outputs > sizeof top.outputs) {
        std::fprintf(stderr, "rows are wider than the ports\n");
        return 2;
    }

    top.rst = 1;
    cycle(top);
    cycle(top);
    top.rst = 0;
    for (bool first = true; std::fread(row.data(), 1, row.size(), stimulus) == row.size();
         first = false) {
        std::memcpy(&top.stimulus, row.data(), row.size());
        cycle(top);
        if (first) {
            rest.open((folder + "rest.saif").c_str());
            rest.dump(context.time());
            rest.close();
            saif.open((folder + "run.saif").c_str());
            context.coveragep()->zero();
        }
        saif.dump(context.time());
        context.timeInc(1);
        if (output_file) std::fwrite(&top.outputs, 1, outputs, output_file);
    }
    saif.close();
    // Units may share a module, as text; each of them is counted by itself.
    context.coveragep()->forcePerInstance(true);
    context.coveragep()->write(folder + "coverage.dat");
    top.final();
    std::fclose(stimulus);
    if (output_file) std::fclose(output_file);
    return 0;
}
