// The accelerator behind Wishbone as a C program's memory: each 32-bit access is one classic bus
// cycle of the simulated hardware. Built by sim/bus_model.py, which defines BUS_MODEL_TOP.
//
// usage: simulator LIBRARY SEED [ARGUMENT ...]
//
// LIBRARY is a shared object that has
//     int firmware(const struct bus_hooks *hooks, int count, char **arguments);
// whose result is the exit status. Between accesses the bus idles for 0 to 7 cycles, by SEED. An
// access that is not answered in the next cycle ends the program with status 3.

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include BUS_MODEL_HEADER

extern "C" struct bus_hooks {
    uint32_t (*read)(uint32_t address);
    void (*write)(uint32_t address, uint32_t value);
    unsigned long (*refused)(void);   // accesses that were answered by an error
    unsigned long (*accesses)(void);  // all of them
    int (*interrupt)(void);
    void (*reset)(void);
    void (*wait)(unsigned cycles);
};

namespace {

std::unique_ptr<BUS_MODEL_TOP> top;
std::minstd_rand random_cycles;
unsigned long refused_count, access_count;

void cycle() {
    top->wb_clk_i = 1;
    top->eval();
    top->wb_clk_i = 0;
    top->eval();
}

uint32_t access(uint32_t address, bool write, uint32_t value) {
    top->wb_cyc_i = top->wb_stb_i = 1;
    top->wb_we_i = write;
    top->wb_adr_i = address & 0xfff;
    top->wb_sel_i = 15;
    top->wb_dat_i = value;
    top->eval();
    cycle();
    if (top->wb_ack_o == top->wb_err_o) {
        std::fprintf(stderr, "access to %#x is not answered\n", address);
        std::exit(3);
    }
    refused_count += top->wb_err_o;
    ++access_count;
    uint32_t result = top->wb_dat_o;
    // A classic master sees the answer at the end of this cycle, and takes the strobe back.
    cycle();
    top->wb_cyc_i = top->wb_stb_i = top->wb_we_i = 0;
    top->eval();
    for (unsigned idle = random_cycles() >> 5 & 7; idle; --idle) cycle();
    return result;
}

uint32_t bus_read(uint32_t address) { return access(address, false, 0); }
void bus_write(uint32_t address, uint32_t value) { access(address, true, value); }
unsigned long bus_refused() { return refused_count; }
unsigned long bus_accesses() { return access_count; }
int bus_interrupt() { return top->irq_o; }

void bus_reset() {
    top->wb_rst_i = 1;
    cycle();
    top->wb_rst_i = 0;
    top->eval();
}

void bus_wait(unsigned cycles) {
    while (cycles--) cycle();
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) return std::fprintf(stderr, "usage: simulator LIBRARY SEED ...\n"), 3;
    void* library = dlopen(arguments[1], RTLD_NOW);
    using Firmware = int (*)(const bus_hooks*, int, char**);
    auto firmware = library ? reinterpret_cast<Firmware>(dlsym(library, "firmware")) : nullptr;
    if (!firmware) return std::fprintf(stderr, "%s\n", dlerror()), 3;
    random_cycles.seed(std::strtoul(arguments[2], nullptr, 10));
    top = std::make_unique<BUS_MODEL_TOP>();
    bus_reset();
    const bus_hooks hooks = {bus_read,      bus_write, bus_refused, bus_accesses,
                             bus_interrupt, bus_reset, bus_wait};
    int status = firmware(&hooks, count - 3, arguments + 3);
    // Before what it was made with goes.
    top.reset();
    return status;
}
