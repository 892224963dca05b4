/* SPDX-License-Identifier: Apache-2.0
 *
 * Driver of the accelerator for firmware that reaches its registers and windows by 32-bit accesses.
 * C99, no library, no allocation, no interrupts needed. Every wait is bounded.
 *
 * Before including it, PANN_READ and PANN_WRITE may be defined as other ways to the bus; else
 * registers are in memory, at the address in the device.
 *
 *     pann_device device = {0x90000000u, 100000u};
 *     int32_t scores[10];
 *     uint32_t cycles;
 *     int result = pann_open(&device);
 *     if (!result) result = pann_load(&device, program, program_words);
 *     if (!result) result = pann_infer(&device, 0, image, sizeof image, scores, 10, &cycles);
 *     if (result) puts(pann_result_text(result));
 *
 * Results are PANN_OK, an error code of the accelerator (above 0, enum pann_error), or one of the
 * driver (below 0, enum pann_result). After a failed pann_infer the next one can follow; a failed
 * pann_load leaves no program.
 *
 * pann_infer is pann_start, pann_exchange and pann_finish. Used by themselves these overlap: an
 * inference may be started, and given its input, before the outputs of the one before are taken.
 * Where one of them fails, pann_recover has to come next.
 */
#ifndef PANN_DRIVER_H
#define PANN_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "pann_registers.h"

typedef struct {
    uintptr_t base;    /* address of the first register */
    uint32_t patience; /* accesses without any progress after which a wait is given up */
} pann_device;

#ifndef PANN_READ
#define PANN_READ(device, offset) (*(volatile uint32_t *)((device)->base + (offset)))
#endif
#ifndef PANN_WRITE
#define PANN_WRITE(device, offset, value) \
    (*(volatile uint32_t *)((device)->base + (offset)) = (value))
#endif

enum pann_result {
    PANN_OK = 0,
    PANN_NOT_FOUND = -1,      /* no accelerator of this interface is there */
    PANN_OTHER_HARDWARE = -2, /* it has another configuration than pann_registers.h */
    PANN_BAD_ARGUMENT = -3,   /* an element, a count or a point that cannot be */
    PANN_BUSY = -4,           /* an inference is under way */
    PANN_INCOMPLETE = -5,     /* the program is cut short */
    PANN_TIMEOUT = -6,        /* no progress within the device's patience */
    PANN_WRONG_OUTPUTS = -7,  /* the inference has another number of outputs */
    PANN_REFUSED = -8         /* a window refused an access: somebody else uses it too */
};

static inline const char *pann_result_text(int result)
{
    switch (result) {
    case PANN_NOT_FOUND: return "no accelerator at this address, or one of another interface";
    case PANN_OTHER_HARDWARE: return "the accelerator is of another configuration than the header";
    case PANN_BAD_ARGUMENT: return "an element, a count or an operating point is out of range";
    case PANN_BUSY: return "an inference is under way";
    case PANN_INCOMPLETE: return "the program is cut short";
    case PANN_TIMEOUT: return "the accelerator makes no progress";
    case PANN_WRONG_OUTPUTS: return "the inference has another number of outputs";
    case PANN_REFUSED: return "an access to a window was refused";
    default: return pann_error_meaning((unsigned)result);
    }
}

#define PANN_FIELD(word, field) (((word) & field##_MASK) >> field##_SHIFT)

/* Words after which any program stream that was cut short has met an error. */
#define PANN_LONGEST_SECTION (UINT32_C(1) << 19)

/* Brings an accelerator that was left in the middle of an inference, or in an error, to rest. Its
 * program stays. */
static inline int pann_recover(const pann_device *device)
{
    const uint32_t give_up = PANN_CONTROL_STOP_INPUT | PANN_CONTROL_CLEAR;
    uint32_t polls = 0;

    /* What follows in an input that is too long is thrown away up to its last beat: this one. */
    PANN_WRITE(device, PANN_CONTROL, give_up);
    PANN_WRITE(device, PANN_INPUT_LAST, 0);
    do {
        uint32_t levels = PANN_READ(device, PANN_LEVELS);
        uint32_t count = PANN_FIELD(levels, PANN_LEVELS_OUTPUTS);

        /* An inference waits for its outputs to be taken, and one behind it for its input. */
        PANN_WRITE(device, PANN_CONTROL, give_up);
        if (count)
            polls = 0;
        while (count--)
            (void)PANN_READ(device, PANN_OUTPUT);
        if (polls++ > device->patience)
            return PANN_TIMEOUT;
    } while ((PANN_READ(device, PANN_STATUS) & PANN_STATUS_BUSY) ||
             PANN_FIELD(PANN_READ(device, PANN_LEVELS), PANN_LEVELS_OUTPUTS));
    PANN_WRITE(device, PANN_CONTROL, give_up);
    return PANN_OK;
}

/* Looks for the accelerator and brings it to rest. */
static inline int pann_open(const pann_device *device)
{
    if (PANN_READ(device, PANN_IDENTITY) != PANN_THIS_IDENTITY)
        return PANN_NOT_FOUND;
    if (PANN_READ(device, PANN_FINGERPRINT) != PANN_THIS_FINGERPRINT ||
        PANN_READ(device, PANN_SHAPE) != PANN_THIS_SHAPE)
        return PANN_OTHER_HARDWARE;
    return pann_recover(device);
}

/* The accelerator's error, which is cleared; PANN_OK where there is none. */
static inline int pann_take_error(const pann_device *device)
{
    int error;

    if (!(PANN_READ(device, PANN_STATUS) & PANN_STATUS_ERROR))
        return PANN_OK;
    error = (int)PANN_FIELD(PANN_READ(device, PANN_ERROR), PANN_ERROR_CODE);
    PANN_WRITE(device, PANN_CONTROL, PANN_CONTROL_CLEAR);
    return error;
}

/* Loads a program stream. No inference may be under way. */
static inline int pann_load(const pann_device *device, const uint32_t *words, size_t count)
{
    uint32_t sent = 0;
    size_t i;
    int error;

    if (PANN_READ(device, PANN_STATUS) & PANN_STATUS_BUSY)
        return PANN_BUSY;
    /* A stream that was cut short would take what follows for its rest: zeros make it an error. */
    PANN_WRITE(device, PANN_CONTROL, PANN_CONTROL_CLEAR);
    do {
        if (sent++ > PANN_LONGEST_SECTION)
            return PANN_TIMEOUT;
        PANN_WRITE(device, PANN_PROGRAM, 0);
    } while (!(PANN_READ(device, PANN_STATUS) & PANN_STATUS_ERROR));
    PANN_WRITE(device, PANN_CONTROL, PANN_CONTROL_CLEAR);
    for (i = 0; i < count; i++)
        PANN_WRITE(device, PANN_PROGRAM, words[i]);
    error = pann_take_error(device);
    if (error)
        return error;
    if (PANN_READ(device, PANN_LEVELS) & PANN_LEVELS_REFUSED)
        return PANN_REFUSED;
    return PANN_READ(device, PANN_STATUS) & PANN_STATUS_LOADED ? PANN_OK : PANN_INCOMPLETE;
}

/* Starts an inference of an operating point. An error that is there already is returned instead. */
static inline int pann_start(const pann_device *device, uint32_t point)
{
    int error = pann_take_error(device);

    if (error)
        return error;
    if (point > PANN_POINT_POINT_MASK >> PANN_POINT_POINT_SHIFT)
        return PANN_BAD_ARGUMENT;
    if (!(PANN_READ(device, PANN_STATUS) & PANN_STATUS_READY))
        return PANN_BUSY;
    PANN_WRITE(device, PANN_POINT, point);
    PANN_WRITE(device, PANN_CONTROL, PANN_CONTROL_START);
    return pann_take_error(device);
}

/* Writes a beat of an input, of which so many elements are left. */
static inline void pann_write_beat(const pann_device *device, const uint8_t *elements, size_t left)
{
    const size_t size = PANN_FIELD(PANN_THIS_SHAPE, PANN_SHAPE_INPUT_ELEMENTS);
    uint32_t words[2] = {0, 0};
    size_t i;

    for (i = 0; i < size && i < left; i++)
        words[i / 4] |= (uint32_t)elements[i] << 8 * (i % 4);
    if (size > 4)
        PANN_WRITE(device, PANN_INPUT_HIGH, words[1]);
    PANN_WRITE(device, left > size ? PANN_INPUT : PANN_INPUT_LAST, words[0]);
}

/* Gives an input, and takes outputs, as there is room and as they come; either may be none. Of an
 * element the bits above operand_width are ignored. */
static inline int pann_exchange(const pann_device *device, const uint8_t *input, size_t inputs,
                                int32_t *output, size_t outputs)
{
    const size_t size = PANN_FIELD(PANN_THIS_SHAPE, PANN_SHAPE_INPUT_ELEMENTS);
    size_t sent = 0, taken = 0;
    uint32_t polls = 0;

    while (sent < inputs || taken < outputs) {
        uint32_t levels = PANN_READ(device, PANN_LEVELS);
        uint32_t room = PANN_FIELD(levels, PANN_LEVELS_INPUT_ROOM);
        uint32_t count = PANN_FIELD(levels, PANN_LEVELS_OUTPUTS);

        if (levels & PANN_LEVELS_REFUSED)
            return PANN_REFUSED;
        if ((!room || sent >= inputs) && (!count || taken >= outputs)) {
            int error = pann_take_error(device);
            if (error)
                return error;
            if (polls++ > device->patience)
                return PANN_TIMEOUT;
            continue;
        }
        polls = 0;
        for (; room && sent < inputs; room--, sent += size)
            pann_write_beat(device, input + sent, inputs - sent);
        if (count && taken < outputs) {
            output[taken++] = (int32_t)PANN_READ(device, PANN_OUTPUT);
            /* LEVELS told before whether this one is the last. */
            if (!(levels & PANN_LEVELS_OUTPUT_LAST) != (taken < outputs))
                return PANN_WRONG_OUTPUTS;
        }
    }
    return PANN_OK;
}

/* Waits for the end of an inference whose outputs are taken, and which no other was started after;
 * its cycles where asked for. */
static inline int pann_finish(const pann_device *device, uint32_t *cycles)
{
    uint32_t polls = 0;

    while (!(PANN_READ(device, PANN_STATUS) & PANN_STATUS_DONE)) {
        int error = pann_take_error(device);
        if (error)
            return error;
        if (polls++ > device->patience)
            return PANN_TIMEOUT;
    }
    if (cycles)
        *cycles = PANN_READ(device, PANN_CYCLES);
    PANN_WRITE(device, PANN_CONTROL, PANN_CONTROL_CLEAR);
    return PANN_OK;
}

/* A whole inference. */
static inline int pann_infer(const pann_device *device, uint32_t point, const uint8_t *input,
                             size_t inputs, int32_t *output, size_t outputs, uint32_t *cycles)
{
    const uint32_t bits = PANN_FIELD(PANN_THIS_SHAPE, PANN_SHAPE_OPERAND_WIDTH);
    int result;
    size_t i;

    if (!inputs || !outputs)
        return PANN_BAD_ARGUMENT;
    for (i = 0; i < inputs; i++)
        if (input[i] >> bits)
            return PANN_BAD_ARGUMENT;
    result = pann_start(device, point);
    if (!result)
        result = pann_exchange(device, input, inputs, output, outputs);
    if (!result)
        result = pann_finish(device, cycles);
    if (result && result != PANN_BUSY && result != PANN_BAD_ARGUMENT)
        (void)pann_recover(device);
    return result;
}

#endif /* PANN_DRIVER_H */
