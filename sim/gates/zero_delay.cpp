// Runs inferences on a mapped netlist, gate by gate and without delays, and counts the toggles of
// every net. Built and called by sim/gates/zero_delay.py, which also writes the netlist's file.
//
// usage: zero_delay NETLIST PROGRAM INPUTS FOLDER POINT ELEMENTS OUTPUTS TIMEOUT [START LENGTH]...
//
// NETLIST: int32 words, see Netlist::Netlist. PROGRAM: uint32 words. INPUTS: bytes, ELEMENTS per
// inference, all at operating point POINT. FOLDER receives outputs.bin (int32, OUTPUTS per
// inference), cycles.bin (uint32 per inference), toggles.bin (uint64 per net, of all inferences
// together, from start to end), accesses.bin (uint64 reads and writes of each memory) and, for
// window number N of LENGTH cycles from cycle START of the first inference on, windowN.state (a byte
// per net, settled, before its first clock edge), windowN.inputs (for each cycle a byte for each
// driven net, as it is after the clock edge) and windowN.toggles (uint32 per net).
// All files little-endian.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

template <typename Word>
std::vector<Word> read_file(const char* path) {
    std::FILE* file = std::fopen(path, "rb");
    if (!file) { std::fprintf(stderr, "cannot open %s\n", path); std::exit(3); }
    std::fseek(file, 0, SEEK_END);
    std::vector<Word> words(static_cast<size_t>(std::ftell(file)) / sizeof(Word));
    std::rewind(file);
    if (std::fread(words.data(), sizeof(Word), words.size(), file) != words.size()) std::exit(3);
    std::fclose(file);
    return words;
}

std::FILE* create(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (!file) { std::fprintf(stderr, "cannot create %s\n", path.c_str()); std::exit(3); }
    return file;
}

template <typename Word>
void write_file(const std::string& path, const std::vector<Word>& words) {
    std::FILE* file = create(path);
    std::fwrite(words.data(), sizeof(Word), words.size(), file);
    std::fclose(file);
}

using Nets = std::vector<int32_t>;

enum Port {
    RESET, PROGRAM_VALID, PROGRAM_PAYLOAD, PROGRAM_READY, INPUT_VALID, INPUT_PAYLOAD, INPUT_READY,
    OUTPUT_VALID, OUTPUT_PAYLOAD, OUTPUT_READY, ADDRESS, W_ENABLE, W_DATA, R_DATA, IRQ, PORTS
};

class Netlist {
public:
    // The file: numbers of nets, operand bits and input elements; ports; gates in an order in which
    // each comes behind those that drive it; flip-flops; clock gates; memories. A list is its length and
    // its items. Net 0 is 0, net 1 is 1.
    explicit Netlist(const char* path) : words_(read_file<int32_t>(path)) {
        nets = next(), operand_bits = next(), input_elements = next(), clock = next();
        for (auto& port : ports) port = list();
        gates_.resize(next());
        for (auto& gate : gates_) {
            gate.output = next();
            gate.first = static_cast<int32_t>(pins_.size());
            Nets inputs = list();
            gate.inputs = static_cast<int32_t>(inputs.size());
            pins_.insert(pins_.end(), inputs.begin(), inputs.end());
            gate.table = static_cast<int32_t>(tables_.size());
            Nets table = list();
            tables_.insert(tables_.end(), table.begin(), table.end());
        }
        flops_.resize(next());
        for (auto& flop : flops_)
            flop.output = next(), flop.inverse = next(), flop.data = next(), flop.invert = next(), flop.gate = next();
        clock_gates_.resize(next());
        for (auto& gate : clock_gates_) gate.output = next(), gate.enables = list();
        memories_.resize(next());
        for (auto& memory : memories_) {
            memory.width = next();
            memory.bytes.assign(static_cast<size_t>(next()) * memory.width, 0);
            memory.reads.resize(next());
            for (auto& port : memory.reads)
                port.enable = next(), port.address = list(), port.data = list();
            memory.writes.resize(next());
            for (auto& port : memory.writes)
                port.address = list(), port.data = list(), port.enables = list();
        }
        prepare();
    }

    bool get(int32_t net) const { return value_[net]; }

    uint64_t get(const Nets& bits) const {
        uint64_t found = 0;
        for (size_t i = 0; i < bits.size() && i < 64; ++i)
            found |= static_cast<uint64_t>(value_[bits[i]]) << i;
        return found;
    }

    void put(int32_t net, uint8_t value) {
        if (value_[net] == value || net < 2) return;
        if (!touched_[net]) {
            touched_[net] = 1;
            before_[net] = value_[net];
            changed_.push_back(net);
        }
        value_[net] = value;
        for (int32_t i = fanout_first_[net]; i < fanout_first_[net + 1]; ++i)
            dirty_[fanout_[i] / 64] |= 1ull << fanout_[i] % 64;
    }

    void put(const Nets& bits, uint64_t value) {
        for (size_t i = 0; i < bits.size(); ++i) put(bits[i], i < 64 ? value >> i & 1 : 0);
    }

    void settle() {
        for (size_t word = 0; word < dirty_.size(); ++word)
            while (dirty_[word]) {
                size_t bit = static_cast<size_t>(__builtin_ctzll(dirty_[word]));
                dirty_[word] &= dirty_[word] - 1;
                evaluate(word * 64 + bit);
            }
    }

    // Everything is settled: what happens at a rising edge of the clock.
    void edge() {
        moves_.clear();
        for (size_t i = 0; i < clock_gates_.size(); ++i) {
            bool open = false;
            for (int32_t net : clock_gates_[i].enables) open |= value_[net];
            open_[i] = open;
            // Its clock rises and falls again.
            if (open && counting) toggles[clock_gates_[i].output] += 2;
            if (open && window_clocks) (*window_clocks)[clock_gates_[i].output] += 2;
        }
        if (counting) toggles[clock] += 2;
        if (window_clocks) (*window_clocks)[clock] += 2;
        for (const auto& flop : flops_)
            if (flop.gate < 0 || open_[flop.gate]) {
                uint8_t value = value_[flop.data] ^ static_cast<uint8_t>(flop.invert);
                if (flop.output >= 0 && value_[flop.output] != value)
                    moves_.push_back({flop.output, value});
                if (flop.inverse >= 0 && value_[flop.inverse] == value)
                    moves_.push_back({flop.inverse, static_cast<uint8_t>(!value)});
            }
        for (auto& memory : memories_) {
            for (const auto& port : memory.reads) {
                if (!value_[port.enable]) continue;
                if (counting) ++memory.read_count;
                size_t base = get(port.address) * memory.width;
                for (size_t i = 0; i < port.data.size(); ++i)
                    if (base < memory.bytes.size() && value_[port.data[i]] != memory.bytes[base + i])
                        moves_.push_back({port.data[i], memory.bytes[base + i]});
            }
            for (const auto& port : memory.writes) {
                size_t base = get(port.address) * memory.width;
                bool any = false;
                for (size_t i = 0; i < port.data.size(); ++i)
                    if (value_[port.enables[i]] && base < memory.bytes.size()) {
                        memory.bytes[base + i] = value_[port.data[i]];
                        any = true;
                    }
                if (any && counting) ++memory.write_count;
            }
        }
        // What changed in the cycle that ends.
        for (int32_t net : changed_) {
            touched_[net] = 0;
            if (before_[net] == value_[net]) continue;
            if (counting) ++toggles[net];
            if (window_toggles) ++(*window_toggles)[net];
        }
        changed_.clear();
        for (const auto& move : moves_) put(move.net, move.value);
    }

    // Nets that no gate drives, in the order of the file: ports, flip-flops are not among them.
    Nets driven() const {
        Nets found;
        for (int port : {RESET, PROGRAM_VALID, PROGRAM_PAYLOAD, INPUT_VALID, INPUT_PAYLOAD,
                         OUTPUT_READY, ADDRESS, W_ENABLE, W_DATA})
            found.insert(found.end(), ports[port].begin(), ports[port].end());
        for (const auto& memory : memories_)
            for (const auto& port : memory.reads)
                found.insert(found.end(), port.data.begin(), port.data.end());
        return found;
    }

    const std::vector<uint8_t>& values() const { return value_; }

    std::vector<uint64_t> accesses() const {
        std::vector<uint64_t> found;
        for (const auto& memory : memories_)
            found.push_back(memory.read_count), found.push_back(memory.write_count);
        return found;
    }

    int32_t nets, operand_bits, input_elements, clock;
    Nets ports[PORTS];
    bool counting = false;
    std::vector<uint64_t> toggles;
    // Of the window that the cycle, and the edge at its end, are in.
    std::vector<uint32_t>* window_toggles = nullptr;
    std::vector<uint32_t>* window_clocks = nullptr;

private:
    struct Gate { int32_t output, first, inputs, table; };
    struct Flop { int32_t output, inverse, data, invert, gate; };
    struct ClockGate { int32_t output; Nets enables; };
    struct ReadPort { int32_t enable; Nets address, data; };
    struct WritePort { Nets address, data, enables; };
    struct Memory {
        int32_t width;
        std::vector<uint8_t> bytes;
        std::vector<ReadPort> reads;
        std::vector<WritePort> writes;
        uint64_t read_count = 0, write_count = 0;
    };
    struct Move { int32_t net; uint8_t value; };

    int32_t next() {
        if (position_ >= words_.size()) { std::fprintf(stderr, "netlist file too short\n"); std::exit(3); }
        return words_[position_++];
    }

    Nets list() {
        Nets items(static_cast<size_t>(next()));
        for (auto& item : items) item = next();
        return items;
    }

    void prepare() {
        value_.assign(nets, 0);
        value_[1] = 1;
        before_.assign(nets, 0);
        touched_.assign(nets, 0);
        toggles.assign(nets, 0);
        open_.assign(clock_gates_.size(), 0);
        dirty_.assign(gates_.size() / 64 + 1, 0);
        fanout_first_.assign(nets + 1, 0);
        for (const auto& gate : gates_)
            for (int32_t i = 0; i < gate.inputs; ++i) ++fanout_first_[pins_[gate.first + i] + 1];
        for (int32_t net = 0; net < nets; ++net) fanout_first_[net + 1] += fanout_first_[net];
        fanout_.resize(pins_.size());
        std::vector<int32_t> place(fanout_first_.begin(), fanout_first_.end() - 1);
        for (size_t number = 0; number < gates_.size(); ++number)
            for (int32_t i = 0; i < gates_[number].inputs; ++i)
                fanout_[place[pins_[gates_[number].first + i]]++] = static_cast<int32_t>(number);
        for (size_t number = 0; number < gates_.size(); ++number)
            dirty_[number / 64] |= 1ull << number % 64;
        // Flip-flops begin with 0, inverted outputs with 1.
        for (const auto& flop : flops_)
            if (flop.inverse >= 0) value_[flop.inverse] = 1;
        settle();
        for (int32_t net : changed_) touched_[net] = 0;
        changed_.clear();
    }

    void evaluate(size_t number) {
        const Gate& gate = gates_[number];
        uint32_t index = 0;
        for (int32_t i = 0; i < gate.inputs; ++i)
            index |= static_cast<uint32_t>(value_[pins_[gate.first + i]]) << i;
        put(gate.output, static_cast<uint32_t>(tables_[gate.table + index / 32]) >> index % 32 & 1);
    }

    std::vector<int32_t> words_;
    size_t position_ = 0;
    std::vector<Gate> gates_;
    std::vector<Flop> flops_;
    std::vector<ClockGate> clock_gates_;
    std::vector<Memory> memories_;
    std::vector<int32_t> pins_, tables_, fanout_first_, fanout_;
    std::vector<uint8_t> value_, before_, touched_, open_;
    std::vector<uint64_t> dirty_;
    Nets changed_;
    std::vector<Move> moves_;
};

struct Window {
    uint64_t start, length;
    std::vector<uint8_t> state, inputs;
    std::vector<uint32_t> toggles;
};

enum Register { CONTROL = 0, STATUS = 1, ERROR = 2, POINT = 3, CYCLES = 4 };

class Bench {
public:
    Bench(const char* path, std::vector<Window> windows)
        : netlist(path), windows(std::move(windows)), driven_(netlist.driven()) {
        set(RESET, 1);
        cycle();
        cycle();
        set(RESET, 0);
    }

    void set(Port port, uint64_t value) { netlist.put(netlist.ports[port], value); }

    uint64_t get(Port port) {
        netlist.settle();
        return netlist.get(netlist.ports[port]);
    }

    void cycle() {
        netlist.settle();
        follow();
        netlist.edge();
        if (following) ++at_;
    }

    void write(int address, uint32_t value) {
        set(ADDRESS, address);
        set(W_DATA, value);
        set(W_ENABLE, 1);
        cycle();
        set(W_ENABLE, 0);
    }

    uint32_t read(int address) {
        set(ADDRESS, address);
        return static_cast<uint32_t>(get(R_DATA));
    }

    size_t beats(size_t elements) const {
        size_t beat = static_cast<size_t>(netlist.input_elements);
        return (elements + beat - 1) / beat;
    }

    // Offers a beat of an input that has so many elements.
    void offer(const uint8_t* input, size_t beat, size_t elements) {
        const Nets& payload = netlist.ports[INPUT_PAYLOAD];
        size_t bits = static_cast<size_t>(netlist.operand_bits), place = 0;
        for (int32_t i = 0; i < netlist.input_elements; ++i) {
            size_t index = beat * netlist.input_elements + i;
            for (size_t bit = 0; bit < bits; ++bit)
                netlist.put(payload[place++], index < elements ? input[index] >> bit & 1 : 1);
        }
        netlist.put(payload[place], beat + 1 == beats(elements));
        set(INPUT_VALID, 1);
    }

    // The windows' cycles count from here on.
    void follow_windows() { following = true; at_ = 0; }

    Netlist netlist;
    std::vector<Window> windows;
    bool following = false;

private:
    // Before an edge: what a window begins with, and what is driven in its cycles.
    void follow() {
        netlist.window_toggles = netlist.window_clocks = nullptr;
        if (!following) return;
        for (auto& window : windows) {
            if (at_ == window.start) {
                window.state = netlist.values();
                window.toggles.assign(netlist.nets, 0);
            }
            // Toggles that an edge in the window makes are counted at the next one.
            if (at_ >= window.start && at_ < window.start + window.length)
                netlist.window_clocks = &window.toggles;
            if (at_ > window.start && at_ <= window.start + window.length) {
                for (int32_t net : driven_) window.inputs.push_back(netlist.get(net));
                netlist.window_toggles = &window.toggles;
            }
        }
    }

    uint64_t at_ = 0;
    Nets driven_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 9 || (argc - 9) % 2) { std::fprintf(stderr, "wrong number of arguments\n"); return 2; }
    auto program = read_file<uint32_t>(argv[2]);
    auto inputs = read_file<uint8_t>(argv[3]);
    std::string folder = argv[4];
    uint64_t numbers[4];
    for (int i = 0; i < 4; ++i) numbers[i] = std::strtoull(argv[5 + i], nullptr, 10);
    const auto [point, elements, outputs, timeout] = numbers;
    std::vector<Window> windows;
    for (int i = 9; i < argc; i += 2)
        windows.push_back({std::strtoull(argv[i], nullptr, 10),
                           std::strtoull(argv[i + 1], nullptr, 10), {}, {}, {}});

    Bench bench(argv[1], std::move(windows));
    for (uint32_t word : program) {
        bench.set(PROGRAM_VALID, 1);
        bench.set(PROGRAM_PAYLOAD, word);
        if (!bench.get(PROGRAM_READY)) { std::fprintf(stderr, "program refused\n"); return 1; }
        bench.cycle();
    }
    bench.set(PROGRAM_VALID, 0);
    bench.cycle();
    if (uint32_t error = bench.read(ERROR)) {
        std::fprintf(stderr, "the accelerator refuses its program, error %u\n", error);
        return 1;
    }

    std::vector<int32_t> sums;
    std::vector<uint32_t> cycles;
    size_t beats = bench.beats(elements), sum_bits = bench.netlist.ports[OUTPUT_PAYLOAD].size() - 1;
    for (size_t image = 0; elements && (image + 1) * elements <= inputs.size(); ++image) {
        bench.write(POINT, static_cast<uint32_t>(point));
        bench.set(OUTPUT_READY, 1);
        if (!image) bench.follow_windows();
        bench.netlist.counting = true;
        bench.write(CONTROL, 1);
        size_t fed = 0, taken = 0;
        for (uint64_t waited = 0;; ++waited) {
            if (fed < beats) bench.offer(&inputs[image * elements], fed, elements);
            else bench.set(INPUT_VALID, 0);
            if (bench.read(ERROR) || bench.get(IRQ)) break;
            fed += bench.netlist.get(bench.netlist.ports[INPUT_VALID][0]) && bench.get(INPUT_READY);
            if (bench.get(OUTPUT_VALID)) {
                uint64_t payload = bench.get(OUTPUT_PAYLOAD) << (64 - sum_bits);
                sums.push_back(static_cast<int32_t>(static_cast<int64_t>(payload) >> (64 - sum_bits)));
                ++taken;
            }
            if (waited > timeout) {
                std::fprintf(stderr, "inference %zu is not done after %llu cycles\n", image,
                             static_cast<unsigned long long>(timeout));
                return 1;
            }
            bench.cycle();
        }
        bench.netlist.counting = false;
        bench.following = false;
        if (fed != beats || taken != outputs || bench.read(ERROR)) {
            std::fprintf(stderr, "inference %zu took %zu of %zu beats, gave %zu of %zu outputs, error %u\n",
                         image, fed, beats, taken, static_cast<size_t>(outputs), bench.read(ERROR));
            return 1;
        }
        cycles.push_back(bench.read(CYCLES));
        bench.write(CONTROL, 2);
        std::printf("%zu\n", image + 1);
        std::fflush(stdout);
    }
    write_file(folder + "/outputs.bin", sums);
    write_file(folder + "/cycles.bin", cycles);
    write_file(folder + "/toggles.bin", bench.netlist.toggles);
    write_file(folder + "/accesses.bin", bench.netlist.accesses());
    for (size_t i = 0; i < bench.windows.size(); ++i) {
        std::string name = folder + "/window" + std::to_string(i);
        write_file(name + ".state", bench.windows[i].state);
        write_file(name + ".inputs", bench.windows[i].inputs);
        write_file(name + ".toggles", bench.windows[i].toggles);
    }
    return 0;
}
