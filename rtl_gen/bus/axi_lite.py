"""An AXI4-Lite slave: handshakes on one side, one access a cycle on the other."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.bus.access import ADDRESS_BITS, AccessSignature

__all__ = ["AXI_LITE", "AxiLite"]

AXI_LITE = {
    "awaddr": In(ADDRESS_BITS + 2),
    "awprot": In(3),
    "awvalid": In(1),
    "awready": Out(1),
    "wdata": In(32),
    "wstrb": In(4),
    "wvalid": In(1),
    "wready": Out(1),
    "bresp": Out(2),
    "bvalid": Out(1),
    "bready": In(1),
    "araddr": In(ADDRESS_BITS + 2),
    "arprot": In(3),
    "arvalid": In(1),
    "arready": Out(1),
    "rdata": Out(32),
    "rresp": Out(2),
    "rvalid": Out(1),
    "rready": In(1),
}
"""The signals of AXI4-Lite, seen from a slave; addresses are of bytes."""

_OKAY, _SLVERR = 0, 2


class AxiLite(wiring.Component):
    """Takes reads and writes of an AXI4-Lite master.

    The two low bits of an address, and the protection, are ignored. A write without any strobe
    does nothing and is answered OKAY; what the registers refuse is answered SLVERR.

    Members
    -------
    AXI_LITE : the bus; all outputs come from registers
    access : Out(AccessSignature)

    Latency: 2 cycles from the address, or for a write from the later of address and data, to the
    response; a read that meets a write waits one more. Throughput: one write and one read every 2
    cycles.
    """

    def __init__(self) -> None:
        super().__init__({**AXI_LITE, "access": Out(AccessSignature())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        access = self.access
        w_address, r_address = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        w_address_full, w_full, r_address_full = Signal(), Signal(), Signal()
        w_data, strobes = Signal(32), Signal(4)
        write, read = Signal(), Signal()
        m.d.comb += [
            self.awready.eq(~w_address_full),
            self.wready.eq(~w_full),
            self.arready.eq(~r_address_full),
            write.eq(w_address_full & w_full & ~self.bvalid),
            read.eq(r_address_full & ~self.rvalid & ~write),
            access.address.eq(Mux(write, w_address, r_address)),
            access.write.eq(write & strobes.any()),
            access.read.eq(read),
            access.whole.eq(read | strobes.all()),
            access.w_data.eq(w_data),
        ]
        with m.If(self.awvalid & self.awready):
            m.d.sync += [w_address_full.eq(1), w_address.eq(self.awaddr[2:])]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [w_full.eq(1), w_data.eq(self.wdata), strobes.eq(self.wstrb)]
        with m.If(self.arvalid & self.arready):
            m.d.sync += [r_address_full.eq(1), r_address.eq(self.araddr[2:])]

        response = Mux(access.refused, _SLVERR, _OKAY)
        with m.If(write):
            m.d.sync += [
                w_address_full.eq(0),
                w_full.eq(0),
                self.bvalid.eq(1),
                self.bresp.eq(response),
            ]
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(read):
            m.d.sync += [
                r_address_full.eq(0),
                self.rvalid.eq(1),
                self.rdata.eq(access.r_data),
                self.rresp.eq(response),
            ]
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)
        return m
