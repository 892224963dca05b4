/* Counts changes of nets in Icarus Verilog: $watch(n), for nets tb.n0 to tb.n<n-1>, once the values are
 * settled, which it writes to "first.bin", a byte per net; $sample at the end of each cycle; $report appends the
 * counts so far to "changes.bin" and "settled.bin", a 64-bit number per net. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <vpi_user.h>

static int nets, touched_count;
static uint64_t *changes, *settled;
static uint8_t *value, *sampled, *is_touched;
static int *touched;

static PLI_INT32 changed(p_cb_data data) {
    int net = (int)(intptr_t)data->user_data;
    uint8_t now = data->value->value.scalar == vpi1;
    if (now == value[net]) return 0;
    value[net] = now;
    ++changes[net];
    if (!is_touched[net]) {
        is_touched[net] = 1;
        touched[touched_count++] = net;
    }
    return 0;
}

static void write_file(const char *name, const void *items, size_t size) {
    FILE *file = fopen(name, "ab");
    if (!file || fwrite(items, size, nets, file) != (size_t)nets) exit(3);
    fclose(file);
}

static void watch_all(PLI_INT32 kind, vpiHandle bench) {
    vpiHandle items = vpi_iterate(kind, bench), item;
    while (items && (item = vpi_scan(items))) {
        int net, end;
        const char *name = vpi_get_str(vpiName, item);
        if (sscanf(name, "n%d%n", &net, &end) != 1 || name[end] || net < 0 || net >= nets) continue;
        s_vpi_value now = {.format = vpiScalarVal};
        vpi_get_value(item, &now);
        value[net] = sampled[net] = now.value.scalar == vpi1;
        s_vpi_time time = {.type = vpiSuppressTime};
        s_cb_data data = {.reason = cbValueChange, .cb_rtn = changed, .obj = item, .time = &time,
                          .value = &now, .user_data = (PLI_BYTE8 *)(intptr_t)net};
        vpi_register_cb(&data);
    }
}

static PLI_INT32 watch(PLI_BYTE8 *unused) {
    (void)unused;
    vpiHandle call = vpi_handle(vpiSysTfCall, NULL);
    vpiHandle arguments = vpi_iterate(vpiArgument, call);
    s_vpi_value number = {.format = vpiIntVal};
    vpi_get_value(vpi_scan(arguments), &number);
    vpi_free_object(arguments);
    nets = number.value.integer;
    changes = calloc(nets, sizeof *changes);
    settled = calloc(nets, sizeof *settled);
    value = calloc(nets, 1);
    sampled = calloc(nets, 1);
    is_touched = calloc(nets, 1);
    touched = calloc(nets, sizeof *touched);
    vpiHandle bench = vpi_handle_by_name("tb", NULL);
    watch_all(vpiNet, bench);
    watch_all(vpiReg, bench);
    write_file("first.bin", value, 1);
    return 0;
}

static PLI_INT32 sample(PLI_BYTE8 *unused) {
    (void)unused;
    for (int i = 0; i < touched_count; ++i) {
        int net = touched[i];
        is_touched[net] = 0;
        settled[net] += value[net] != sampled[net];
        sampled[net] = value[net];
    }
    touched_count = 0;
    return 0;
}

static PLI_INT32 report(PLI_BYTE8 *unused) {
    (void)unused;
    write_file("changes.bin", changes, sizeof *changes);
    write_file("settled.bin", settled, sizeof *settled);
    return 0;
}

static void add(const char *name, PLI_INT32 (*call)(PLI_BYTE8 *)) {
    s_vpi_systf_data data = {.type = vpiSysTask, .tfname = (PLI_BYTE8 *)name, .calltf = call};
    vpi_register_systf(&data);
}

static void start(void) {
    add("$watch", watch);
    add("$sample", sample);
    add("$report", report);
}

void (*vlog_startup_routines[])(void) = {start, 0};
