// A board as a process: its whole top level, clocked as fast as it goes, with a UART whose other end
// is a pseudo-terminal. Built by sim/board.py, which defines BOARD_TOP and BOARD_DIVISOR, the cycles
// of a bit.
//
// Prints the path of the pseudo-terminal, and ends when its standard input does. Time stands still
// while nothing comes over the line and nothing goes.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "board.h"

namespace {

// Without a byte for so long the board has said all that it will say.
constexpr uint64_t QUIET = 40 * BOARD_DIVISOR + 1000;

// Cycles between two looks for bytes from the host.
constexpr uint64_t POLL = 64;

// A pseudo-terminal that stays there when who has opened it closes it.
class Terminal {
public:
    Terminal() {
        master_ = posix_openpt(O_RDWR | O_NOCTTY);
        if (master_ < 0 || grantpt(master_) || unlockpt(master_)) fail();
        path = ptsname(master_);
        slave_ = open(path, O_RDWR | O_NOCTTY);
        termios settings;
        if (slave_ < 0 || tcgetattr(slave_, &settings)) fail();
        cfmakeraw(&settings);
        if (tcsetattr(slave_, TCSANOW, &settings)) fail();
        fcntl(master_, F_SETFL, O_NONBLOCK);
    }

    // The next byte from the host, if there is one; asks for more only where `more` says so.
    bool get(uint8_t& byte, bool more) {
        if (at_ == received_) {
            if (!more) return false;
            ssize_t count = read(master_, buffer_, sizeof buffer_);
            at_ = 0;
            received_ = count > 0 ? count : 0;
            if (!received_) return false;
        }
        byte = buffer_[at_++];
        return true;
    }

    void put(uint8_t byte) {
        sent_.push_back(byte);
        if (sent_.size() >= 64) flush();
    }

    // What nobody reads is lost, as on a line.
    void flush() {
        if (!sent_.empty() && write(master_, sent_.data(), sent_.size()) < 0 && errno != EAGAIN) fail();
        sent_.clear();
    }

    // Waits for a byte; whether there will be any.
    bool wait() {
        flush();
        pollfd files[] = {{master_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        while (poll(files, 2, -1) < 0) if (errno != EINTR) fail();
        return !ended(files[1]);
    }

    static bool ended() {
        pollfd file = {STDIN_FILENO, POLLIN, 0};
        return poll(&file, 1, 0) > 0 && ended(file);
    }

    const char* path;

private:
    static bool ended(const pollfd& file) {
        char byte;
        return file.revents && read(STDIN_FILENO, &byte, 1) <= 0;
    }

    [[noreturn]] static void fail() {
        std::fprintf(stderr, "no pseudo-terminal: %s\n", std::strerror(errno));
        std::exit(3);
    }

    int master_, slave_;
    uint8_t buffer_[4096];
    ssize_t at_ = 0, received_ = 0;
    std::vector<uint8_t> sent_;
};

}  // namespace

int main() {
    signal(SIGPIPE, SIG_IGN);
    Terminal terminal;
    auto top = std::make_unique<BOARD_TOP>();
    top->rx = 1;
    top->rst = 1;
    auto cycle = [&] {
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
    };
    cycle();
    cycle();
    top->rst = 0;
    std::printf("%s\n", terminal.path);
    std::fflush(stdout);

    // Bits that are on their way to the board, and cycles until the next of them; of those from it,
    // the bits so far, above them a one, and cycles until the middle of the next.
    uint32_t to_board = 1, from_board = 0;
    uint32_t to_board_left = 0, from_board_left = 0;
    uint64_t quiet = 0;
    for (uint64_t cycles = 0;; ++cycles) {
        if (to_board_left) {
            --to_board_left;
        } else if (to_board > 1) {
            to_board >>= 1;
            to_board_left = BOARD_DIVISOR - 1;
        } else if (uint8_t byte; terminal.get(byte, cycles % POLL == 0)) {
            // Below the byte the start bit, above it the stop bit, which stays.
            to_board = 1u << 9 | byte << 1;
            to_board_left = BOARD_DIVISOR - 1;
            quiet = 0;
        }
        top->rx = to_board & 1;
        cycle();
        ++quiet;
        if (from_board_left) {
            --from_board_left;
        } else if (from_board) {
            from_board = from_board >> 1 | (top->tx ? 1u << 10 : 0);
            from_board_left = BOARD_DIVISOR - 1;
            // The one that was above has come down: nine bits are there, and the stop bit.
            if (from_board & 1) {
                terminal.put(from_board >> 2 & 255);
                from_board = from_board_left = 0;
            }
            quiet = 0;
        } else if (!top->tx) {
            from_board = 1u << 10;
            from_board_left = BOARD_DIVISOR / 2 - 1;
        }
        if (quiet == 2 * BOARD_DIVISOR * 10) terminal.flush();
        if (quiet > QUIET) {
            if (!terminal.wait()) break;
            quiet = 0;
        }
        if (cycles % 65536 == 0 && Terminal::ended()) break;
    }
    return 0;
}
