"""The board's side of the host link: UART, frames, operations, reports."""
