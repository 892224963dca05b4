// Adders as chains of full adders, a carry after the other: the smallest and, where nothing is in a hurry, the
// ones that take the least energy. Without it `techmap` makes Brent-Kung adders of `$alu`.
(* techmap_celltype = "$alu" *)
module ripple_alu (A, B, CI, BI, X, Y, CO);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    (* force_downto *) input [A_WIDTH-1:0] A;
    (* force_downto *) input [B_WIDTH-1:0] B;
    input CI, BI;
    (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;
    (* force_downto *) wire [Y_WIDTH-1:0] a, b, extended;
    \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
    \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(extended));
    assign b = BI ? ~extended : extended;
    assign X = a ^ b;
    genvar i;
    generate
        for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
            wire carry;
            if (i == 0) assign carry = CI;
            else assign carry = CO[i-1];
            assign Y[i] = X[i] ^ carry;
            assign CO[i] = (a[i] & b[i]) | (X[i] & carry);
        end
    endgenerate
endmodule
