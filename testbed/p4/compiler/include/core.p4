/* The P4_16 core library: P4_16 specification 1.2.5, appendix "P4 core library". */

#ifndef _CORE_P4_
#define _CORE_P4_

/// Errors that the parser and the core externs raise; NoError is what parsing ends with when all went well.
error {
    NoError,
    PacketTooShort,
    NoMatch,
    StackOutOfBounds,
    HeaderTooShort,
    ParserTimeout,
    ParserInvalidArgument
}

/// The packet on its way through a parser.
extern packet_in {
    /// Reads a fixed-size header, makes it valid and moves on.
    void extract<T>(out T hdr);
    /// Reads a header with one varbit field, whose size in bits is given.
    void extract<T>(out T variableSizeHeader, in bit<32> variableFieldSizeInBits);
    /// Reads without moving on.
    T lookahead<T>();
    /// Moves on without reading.
    void advance(in bit<32> sizeInBits);
    /// Packet length in bytes.
    bit<32> length();
}

/// The packet as a deparser makes it.
extern packet_out {
    /// Appends a header, if it is valid; stacks, unions and structs member by member.
    void emit<T>(in T hdr);
}

/// Ends parsing with the error `toSignal` unless `check` holds.
extern void verify(in bool check, in error toSignal);

/// Checked by the compiler: an error with this message unless `check` is true.
extern bool static_assert(bool check, string message);
extern bool static_assert(bool check);

@noWarn("unused")
action NoAction() {}

match_kind {
    exact,
    ternary,
    lpm
}

#endif
