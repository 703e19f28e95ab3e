//   flow hash, salt --> choice
//
// What a selector chooses by. Choices that follow one another, in one switch or in several, must not depend on each
// other: whoever saw only the flows with an even hash would never use its odd paths. So each choice has a salt of its
// own, and between hash and choice stands a mixing that is neither linear in the bits (as a CRC is) nor in the number:
// with either, what two salts make of a hash agree. The flow still decides alone: it never splits.

#ifndef CONTROLS_PATH_CHOICE_P4
#define CONTROLS_PATH_CHOICE_P4

control PathChoice(inout metadata_t meta, in bit<16> salt) {
    apply {
        bit<32> mixed = (bit<32>)(meta.flow_hash ^ salt) * 0x9E3779B1;
        mixed = (mixed ^ (mixed >> 15)) * 0x85EBCA6B;
        meta.choice = mixed[31:16];
    }
}

#endif
