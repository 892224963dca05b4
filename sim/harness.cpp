// Runs inferences on the generated accelerator: loads a program stream, feeds inputs, collects
// outputs, cycle counts, stored words and toggles. Built by sim/harness.py, which defines in
// "signals.h": HARNESS_TOP, HARNESS_OPERAND_BITS, HARNESS_INPUT_ELEMENTS, HARNESS_WORD_BYTES, HARNESS_STORE_*, the list of
// counted signals in HARNESS_SIGNALS(X) as X(class, signal), and HARNESS_CLASSES.
//
// usage: simulator PROGRAM INPUTS POINTS FOLDER ELEMENTS OUTPUTS TIMEOUT LOG TOGGLES OVERLAP
//
// PROGRAM: uint32 words. INPUTS: bytes, ELEMENTS per inference. POINTS: a byte per inference.
// FOLDER receives outputs.bin (int32, OUTPUTS per inference), cycles.bin (uint32 per inference),
// and stores.bin (LOG = 1; uint16 address and bank and the bytes of every whole word that is stored,
// in order), toggles.bin (TOGGLES = 1; uint64 per inference and class). With OVERLAP = 1 each
// inference is started as soon as the accelerator takes a start, and toggles are not counted. TIMEOUT is in cycles per inference. All files little-endian.

#if defined(__x86_64__)
// Every such processor since 2009 counts bits in one instruction.
#pragma GCC target("popcnt")
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "signals.h"

// Of a beat of the input, below its last flag.
#define HARNESS_BEAT_BITS (HARNESS_INPUT_ELEMENTS * HARNESS_OPERAND_BITS)

namespace {

struct Counted {
    int signal_class;
    const uint8_t* data;
    size_t bytes;
    std::vector<uint8_t> before;
};

std::vector<uint8_t> read_file(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) { std::fprintf(stderr, "cannot open %s\n", path); std::exit(3); }
    std::vector<uint8_t> bytes;
    uint8_t buffer[65536];
    while (size_t count = std::fread(buffer, 1, sizeof buffer, file))
        bytes.insert(bytes.end(), buffer, buffer + count);
    std::fclose(file);
    return bytes;
}

std::FILE* create(const std::string& folder, const char* name) {
    std::FILE* file = std::fopen((folder + "/" + name).c_str(), "wb");
    if (!file) { std::fprintf(stderr, "cannot create %s\n", name); std::exit(3); }
    return file;
}

enum Register { CONTROL = 0, STATUS = 1, ERROR = 2, POINT = 3, CYCLES = 4 };

class Bench {
public:
    Bench(bool count, std::FILE* stores) : top(new HARNESS_TOP), count_(count), stores_(stores) {
#define ADD(signal_class, signal) watch(signal_class, &(signal), sizeof(signal));
        auto* root = top->rootp;
        HARNESS_SIGNALS(ADD)
#undef ADD
        top->rst = 1;
        settle();
        cycle();
        settle();
        cycle();
        top->rst = 0;
        settle();
    }

    void watch(int signal_class, const void* data, size_t bytes) {
        counted_.push_back({signal_class, static_cast<const uint8_t*>(data), bytes,
                            std::vector<uint8_t>(bytes, 0)});
    }

    // Combinational outputs follow the inputs set since the last clock edge.
    void settle() {
        top->clk = 0;
        top->eval();
    }

    // Call settle() first where inputs have changed since the last cycle.
    void cycle() {
        if (counting) count();
        log();
        top->clk = 1;
        top->eval();
        top->clk = 0;
        ++cycles;
    }

    void write(int address, uint32_t value) {
        top->registers___05Faddress = address;
        top->registers___05Fw_data = value;
        top->registers___05Fw_enable = 1;
        settle();
        cycle();
        top->registers___05Fw_enable = 0;
        settle();
    }

    uint32_t read(int address) {
        top->registers___05Faddress = address;
        settle();
        return top->registers___05Fr_data;
    }

    // Offers a beat of the inputs, of which each has so many elements; none behind the last one.
    void offer(const std::vector<uint8_t>& inputs, size_t number, size_t elements) {
        size_t beats = beats_of(elements), input = number / beats, beat = number % beats;
        uint32_t words[(HARNESS_BEAT_BITS + 32) / 32] = {};
        top->input___05Fvalid = (input + 1) * elements <= inputs.size();
        if (top->input___05Fvalid) {
            for (size_t i = 0; i < HARNESS_INPUT_ELEMENTS; ++i) {
                size_t index = beat * HARNESS_INPUT_ELEMENTS + i;
                // Above an input's last element anything may be.
                uint32_t filler = (1u << HARNESS_OPERAND_BITS) - 1;
                put(words, i * HARNESS_OPERAND_BITS,
                    index < elements ? inputs[input * elements + index] : filler);
            }
            put(words, HARNESS_BEAT_BITS, beat + 1 == beats);
        }
        drive(top->input___05Fpayload, words);
    }

    static size_t beats_of(size_t elements) {
        return (elements + HARNESS_INPUT_ELEMENTS - 1) / HARNESS_INPUT_ELEMENTS;
    }

    // Elements of so many beats.
    static size_t taken_of(size_t beats, size_t elements) {
        size_t inputs = beats / beats_of(elements), rest = beats % beats_of(elements);
        return inputs * elements + rest * HARNESS_INPUT_ELEMENTS;
    }

    // Writes an element that is sent out in this cycle; the number of them.
    size_t collect(std::FILE* file) {
        if (!top->output___05Fvalid) return 0;
        // The payload is the accumulator with the last flag above it.
        uint64_t payload = top->output___05Fpayload;
        int64_t value = static_cast<int64_t>(payload << (64 - HARNESS_SUM_BITS));
        int32_t sum = static_cast<int32_t>(value >> (64 - HARNESS_SUM_BITS));
        std::fwrite(&sum, 4, 1, file);
        return 1;
    }

    std::unique_ptr<HARNESS_TOP> top;
    uint64_t cycles = 0;
    bool counting = false;
    uint64_t toggles[HARNESS_CLASSES] = {};

    void remember() {
        settle();
        for (auto& item : counted_) std::memcpy(item.before.data(), item.data, item.bytes);
    }

    void count() {
        if (!count_) return;
        for (auto& item : counted_) {
            uint64_t flips = 0;
            size_t i = 0;
            for (; i + 8 <= item.bytes; i += 8) flips += taken<uint64_t>(item, i);
            if (i + 4 <= item.bytes) flips += taken<uint32_t>(item, i), i += 4;
            if (i + 2 <= item.bytes) flips += taken<uint16_t>(item, i), i += 2;
            if (i < item.bytes) flips += taken<uint8_t>(item, i);
            toggles[item.signal_class] += flips;
        }
    }

private:
    // Sets bits, from one on, that are 0.
    static void put(uint32_t* words, size_t bit, uint32_t value) {
        words[bit / 32] |= value << bit % 32;
        if (bit % 32 && value >> (32 - bit % 32)) words[bit / 32 + 1] |= value >> (32 - bit % 32);
    }

    template <typename Port>
    static void drive(Port& port, const uint32_t* words) {
        port = words[0];
        if (sizeof port > 4) port |= static_cast<Port>(static_cast<uint64_t>(words[1]) << 32);
    }

    template <std::size_t Words>
    static void drive(VlWide<Words>& port, const uint32_t* words) {
        for (size_t i = 0; i < Words; ++i) port[i] = words[i];
    }

    // Bits that changed in one word of a signal, which is remembered.
    template <typename Word>
    static int taken(Counted& item, size_t at) {
        Word now, before;
        std::memcpy(&now, item.data + at, sizeof now);
        std::memcpy(&before, &item.before[at], sizeof before);
        if (now == before) return 0;
        std::memcpy(&item.before[at], &now, sizeof now);
        return __builtin_popcountll(now ^ before);
    }

    void log() {
        if (!stores_) return;
        auto* root = top->rootp;
        uint64_t lanes = HARNESS_STORE_LANES(root);
        // What the input loader writes is no word. A word is whole with its last part.
        bool input = taken_;
        taken_ = HARNESS_STORE_TAKE(root);
        if (input) return;
        if (HARNESS_STORE_PARTS > 1 && !(lanes >> (HARNESS_LANES - 1) & 1)) return;
        uint16_t address = HARNESS_STORE_ADDRESS(root);
        uint16_t bank = 0;
#define STORE(word)                                              \
        if (HARNESS_STORE_ENABLE(root) >> bank & 1) {            \
            std::fwrite(&address, 2, 1, stores_);                \
            std::fwrite(&bank, 2, 1, stores_);                   \
            std::fwrite(&(word), 1, HARNESS_WORD_BYTES, stores_); \
        }                                                        \
        ++bank;
        HARNESS_STORE_WORDS(STORE)
#undef STORE
    }

    bool count_;
    std::FILE* stores_;
    bool taken_ = false;
    std::vector<Counted> counted_;
};

// Starts every inference as soon as it is taken; the number of those that came to a right end.
size_t run_overlapped(Bench& bench, const std::vector<uint8_t>& inputs,
                      const std::vector<uint8_t>& points, size_t elements, size_t outputs,
                      uint64_t timeout, std::FILE* output_file, std::FILE* cycle_file) {
    size_t started = 0, done = 0, fed = 0, taken = 0;
    uint64_t end = bench.cycles + timeout;
    auto* top = bench.top.get();
    if (!points.empty()) bench.write(POINT, points[0]);
    bool point_written = true;
    top->output___05Fready = 1;
    while (done < points.size()) {
        bench.offer(inputs, fed, elements);
        top->registers___05Fw_enable = 0;
        uint32_t status = bench.read(STATUS);
        bool ready = status >> 4 & 1, failed = status >> 3 & 1, finished = top->irq;
        if (finished) {
            uint32_t cycles = bench.read(CYCLES);
            std::fwrite(&cycles, 4, 1, cycle_file);
            ++done;
            std::printf("%zu\n", done);
            std::fflush(stdout);
            end = bench.cycles + timeout;
        }
        bool start = ready && point_written && started < points.size();
        if (start || finished) {
            top->registers___05Faddress = CONTROL;
            top->registers___05Fw_data = start | finished << 1;
            top->registers___05Fw_enable = 1;
        } else if (!point_written && started < points.size()) {
            top->registers___05Faddress = POINT;
            top->registers___05Fw_data = points[started];
            top->registers___05Fw_enable = 1;
            point_written = true;
        }
        if (start) ++started, point_written = false;
        bench.settle();
        if (top->input___05Fvalid && top->input___05Fready) ++fed;
        taken += bench.collect(output_file);
        if (bench.cycles > end || failed) break;
        bench.cycle();
    }
    uint32_t error = bench.read(ERROR);
    if (done == points.size() && fed == bench.beats_of(elements) * done && taken == outputs * done && !error)
        return done;
    std::fprintf(stderr, "%zu of %zu inferences done, %zu inputs taken, %zu outputs given, error %u\n",
                 done, points.size(), bench.taken_of(fed, elements), taken, error);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 11) { std::fprintf(stderr, "10 arguments expected, %d found\n", argc - 1); return 2; }
    auto program = read_file(argv[1]);
    auto inputs = read_file(argv[2]);
    auto points = read_file(argv[3]);
    std::string folder = argv[4];
    size_t elements = std::strtoull(argv[5], nullptr, 10);
    size_t beats = Bench::beats_of(elements);
    size_t outputs = std::strtoull(argv[6], nullptr, 10);
    uint64_t timeout = std::strtoull(argv[7], nullptr, 10);
    bool log = std::atoi(argv[8]), toggles = std::atoi(argv[9]), overlap = std::atoi(argv[10]);

    std::FILE* output_file = create(folder, "outputs.bin");
    std::FILE* cycle_file = create(folder, "cycles.bin");
    std::FILE* store_file = log ? create(folder, "stores.bin") : nullptr;
    std::FILE* toggle_file = toggles ? create(folder, "toggles.bin") : nullptr;
    Bench bench(toggles, store_file);

    for (size_t i = 0; i + 4 <= program.size(); i += 4) {
        uint32_t word;
        std::memcpy(&word, &program[i], 4);
        bench.top->program___05Fvalid = 1;
        bench.top->program___05Fpayload = word;
        bench.settle();
        if (!bench.top->program___05Fready) { std::fprintf(stderr, "program refused\n"); return 1; }
        bench.cycle();
    }
    bench.top->program___05Fvalid = 0;
    bench.settle();
    bench.cycle();
    if (uint32_t error = bench.read(ERROR)) {
        std::fprintf(stderr, "the accelerator refuses its program, error %u\n", error);
        return 1;
    }

    size_t images = overlap ? run_overlapped(bench, inputs, points, elements, outputs, timeout,
                                             output_file, cycle_file)
                            : points.size();
    if (overlap && images != points.size()) return 1;
    for (size_t image = 0; image < points.size() && !overlap; ++image) {
        bench.write(POINT, points[image]);
        bench.remember();
        std::memset(bench.toggles, 0, sizeof bench.toggles);
        bench.counting = true;
        bench.write(CONTROL, 1);
        size_t fed = 0, taken = 0;
        uint64_t end = bench.cycles + timeout;
        bench.top->output___05Fready = 1;
        while (true) {
            if (fed < beats) bench.offer(inputs, image * beats + fed, elements);
            else bench.top->input___05Fvalid = 0;
            // An error ends an inference without an interrupt.
            if (bench.read(ERROR) || bench.top->irq) break;
            if (bench.top->input___05Fvalid && bench.top->input___05Fready) ++fed;
            taken += bench.collect(output_file);
            if (bench.cycles > end) {
                std::fprintf(stderr, "inference %zu is not done after %llu cycles\n", image,
                             static_cast<unsigned long long>(timeout));
                return 1;
            }
            bench.cycle();
        }
        bench.count();  // What changed with the last clock edge.
        bench.counting = false;
        if (fed != beats || taken != outputs || bench.read(ERROR)) {
            std::fprintf(stderr, "inference %zu took %zu of %zu inputs, gave %zu of %zu outputs, "
                         "error %u\n", image, bench.taken_of(fed, elements), elements, taken,
                         outputs, bench.read(ERROR));
            return 1;
        }
        uint32_t cycles = bench.read(CYCLES);
        std::fwrite(&cycles, 4, 1, cycle_file);
        if (toggle_file) std::fwrite(bench.toggles, 8, HARNESS_CLASSES, toggle_file);
        std::printf("%zu\n", image + 1);
        std::fflush(stdout);
    }
    for (std::FILE* file : {output_file, cycle_file, store_file, toggle_file})
        if (file) std::fclose(file);
    return 0;
}
