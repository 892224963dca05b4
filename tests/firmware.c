/* Firmware for tests of the C driver: sim/bus_model.cpp runs it on the simulated accelerator.
 *
 * firmware SCENARIO PROGRAM INPUTS POINTS RESULTS INPUT_ELEMENTS OUTPUTS
 *
 * PROGRAM: uint32 words. INPUTS: bytes, INPUT_ELEMENTS an inference. POINTS: a byte an inference.
 * RESULTS receives int32, of each inference its OUTPUTS and its cycles. What the driver returns is
 * printed, a line each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bus_hooks {
    uint32_t (*read)(uint32_t address);
    void (*write)(uint32_t address, uint32_t value);
    unsigned long (*refused)(void);
    unsigned long (*accesses)(void);
    int (*interrupt)(void);
    void (*reset)(void);
    void (*wait)(unsigned cycles);
};

static const struct bus_hooks *bus;

#define PANN_READ(device, offset) bus->read((uint32_t)(device)->base + (offset))
#define PANN_WRITE(device, offset, value) bus->write((uint32_t)(device)->base + (offset), (value))
#include "pann_driver.h"

struct file {
    uint8_t *bytes;
    size_t size;
};

static const pann_device device = {0, 5000};
static struct file program, inputs, points;
static size_t input_elements, outputs, inferences;
static FILE *results;
static int32_t *sums;

static struct file read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct file result = {NULL, 0};

    if (!file || fseek(file, 0, SEEK_END))
        exit(3);
    result.size = (size_t)ftell(file);
    rewind(file);
    result.bytes = malloc(result.size + 1);
    if (!result.bytes || fread(result.bytes, 1, result.size, file) != result.size)
        exit(3);
    fclose(file);
    return result;
}

static int say(const char *what, int result)
{
    printf("%s: %s\n", what, result ? pann_result_text(result) : "ok");
    return result;
}

static int load(size_t words)
{
    return pann_load(&device, (const uint32_t *)(const void *)program.bytes, words);
}

static const uint8_t *input(size_t index)
{
    return inputs.bytes + index * input_elements;
}

static void keep(uint32_t cycles)
{
    fwrite(sums, 4, outputs, results);
    fwrite(&cycles, 4, 1, results);
}

static int infer(size_t index)
{
    uint32_t cycles = 0;
    int result = pann_infer(&device, points.bytes[index], input(index), input_elements, sums,
                            outputs, &cycles);
    if (!result)
        keep(cycles);
    return result;
}

/* All inferences, one after another. */
static void one_by_one(void)
{
    size_t i;

    say("open", pann_open(&device));
    say("load", load(program.size / 4));
    for (i = 0; i < inferences; i++) {
        int result = infer(i);
        if (result || bus->interrupt()) {
            say("infer", result);
            return;
        }
    }
    say("infer", PANN_OK);
}

/* All inferences, each started and given its input before the outputs of the one before are taken;
 * the queue of the outputs holds them meanwhile. */
static void overlapped(void)
{
    size_t i;
    int result = PANN_OK;
    uint32_t cycles = 0;

    say("open", pann_open(&device));
    say("load", load(program.size / 4));
    for (i = 0; i <= inferences && !result; i++) {
        if (i < inferences) {
            do
                result = pann_start(&device, points.bytes[i]);
            while (result == PANN_BUSY);
            if (!result)
                result = pann_exchange(&device, input(i), input_elements, NULL, 0);
        }
        if (i && !result) {
            result = pann_exchange(&device, NULL, 0, sums, outputs);
            if (i == inferences && !result)
                result = pann_finish(&device, &cycles);
            keep(0);
        }
    }
    say("infer", result);
}

/* Each wrong use, and after it a right inference. */
static void wrong_use(void)
{
    uint32_t *words = (uint32_t *)(void *)program.bytes;
    size_t count = program.size / 4, i;
    uint32_t cycles;

    say("open", pann_open(&device));
    say("no program", infer(0));
    for (i = 0; i < 4; i++) {
        const char *names[] = {"magic", "configuration", "section", "checksum"};
        size_t wrong[] = {0, 1, 2, count - 1};
        words[wrong[i]] ^= 0x4000;
        say(names[i], load(count));
        words[wrong[i]] ^= 0x4000;
    }
    for (i = 1; i < count; i += count / 7)
        if (load(i) != PANN_INCOMPLETE)
            say("cut short", (int)i);
    say("after being cut short", infer(0));
    say("load", load(count));
    say("good", infer(0));
    say("point", pann_infer(&device, 7, input(0), input_elements, sums, outputs, &cycles));
    say("no such point", pann_infer(&device, 8, input(0), input_elements, sums, outputs, &cycles));
    say("no outputs", pann_infer(&device, 0, input(0), input_elements, sums, 0, &cycles));
    say("good", infer(1));
    say("short", pann_infer(&device, 0, input(0), input_elements - 8, sums, outputs, &cycles));
    say("good", infer(2));
    say("long", pann_infer(&device, 0, input(0), input_elements + 8, sums, outputs, &cycles));
    say("good", infer(3));
    say("fewer outputs", pann_infer(&device, 0, input(0), input_elements, sums, outputs - 1, NULL));
    say("good", infer(0));
    say("more outputs", pann_infer(&device, 0, input(0), input_elements, sums, outputs + 1, NULL));
    say("good", infer(1));
}

/* A host that goes away at any time, and one that comes after it, without a reset. */
static void gone(void)
{
    const struct bus_hooks *hooks = bus;
    size_t count = program.size / 4, step;

    say("open", pann_open(&device));
    for (step = 0; step < 12; step++) {
        size_t i;
        /* A part of a program. */
        for (i = 0; i < step * count / 12; i++)
            hooks->write(PANN_PROGRAM, ((const uint32_t *)(const void *)program.bytes)[i]);
        if (pann_open(&device) || load(count))
            say("load", 1);
        /* A part of an input, or a too long one; outputs that nobody takes. */
        if (pann_start(&device, points.bytes[step % inferences]))
            say("start", 1);
        (void)pann_exchange(&device, input(0), input_elements, NULL, 0);
        if (step % 3 == 0 && !pann_start(&device, 0))
            for (i = 0; i < step; i++)
                hooks->write(PANN_INPUT, 0);
        if (step % 3 == 1)
            for (i = 0; i < 300; i++)
                hooks->write(PANN_INPUT, 0);
        bus->wait(100 * (unsigned)step);
        if (pann_open(&device))
            say("open", 1);
        if (infer(step % inferences))
            say("infer", 1);
    }
    say("gone", PANN_OK);
}

/* A device that never makes progress: the wait ends. */
static uint32_t stuck_read(uint32_t address)
{
    return address == PANN_STATUS ? PANN_STATUS_BUSY | PANN_STATUS_READY : 0;
}

static uint32_t other_read(uint32_t address)
{
    return address == PANN_IDENTITY ? PANN_THIS_IDENTITY : 0;
}

static void stuck_write(uint32_t address, uint32_t value)
{
    (void)address, (void)value;
}

static void absent(void)
{
    struct bus_hooks stuck = *bus;
    uint32_t cycles;

    stuck.read = stuck_read;
    stuck.write = stuck_write;
    say("open", pann_open(&device));
    bus = &stuck;
    say("absent", pann_open(&device));
    stuck.read = other_read;
    say("other", pann_open(&device));
    stuck.read = stuck_read;
    say("exchange", pann_exchange(&device, input(0), input_elements, sums, outputs));
    say("finish", pann_finish(&device, &cycles));
    say("recover", pann_recover(&device));
    say("load", load(program.size / 4));
}

int firmware(const struct bus_hooks *hooks, int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        {"one_by_one", one_by_one}, {"overlapped", overlapped}, {"wrong_use", wrong_use},
        {"gone", gone},             {"absent", absent},
    };
    size_t i;

    if (count != 7)
        return 3;
    bus = hooks;
    program = read_file(arguments[1]);
    inputs = read_file(arguments[2]);
    points = read_file(arguments[3]);
    results = fopen(arguments[4], "wb");
    input_elements = strtoul(arguments[5], NULL, 10);
    outputs = strtoul(arguments[6], NULL, 10);
    inferences = points.size;
    sums = malloc(4 * (outputs + 1));
    if (!results || !sums)
        return 3;
    for (i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (!strcmp(arguments[0], scenarios[i].name))
            scenarios[i].run();
    bus = hooks;
    printf("refused: %lu\naccesses: %lu\n", bus->refused(), bus->accesses());
    fclose(results);
    return 0;
}
