//   frame to flood, from a circuit or pseudo-wire
//        |
//   storm_control (attachment, kind) --police--> meter --red--> drop
//        | miss                                    | green, yellow
//     (flood)                                   (flood)
//
// Limits of a circuit for broadcast, unknown unicast and multicast apart (IEEE 802.1Q, traffic that a bridge
// multiplies). The meter is the two-rate one of RFC 2698, in bytes.

control StormControl(inout metadata_t meta) {
    direct_counter(CounterType.packets_and_bytes) storm_control_counter;
    meter(32w4096, MeterType.bytes) storm_meter;
    bit<2> color;

    @id(0x01002001)
    action police(bit<32> meter_index) {
        storm_meter.execute_meter(meter_index, color);
    }

    @id(0x01002002)
    action unlimited() {
        color = V1MODEL_METER_COLOR_GREEN;
    }

    @id(0x02000020)
    table storm_control {
        key = {
            meta.attachment : exact @name("attachment");
            meta.bum        : exact @name("kind");
        }
        actions = {
            police;
            unlimited;
        }
        const default_action = unlimited();
        counters = storm_control_counter;
        size = 4096;
    }

    apply {
        color = V1MODEL_METER_COLOR_GREEN;
        storm_control.apply();
        if (color == V1MODEL_METER_COLOR_RED) {
            meta.step = Step.DROP;
            meta.drop_reason = DropReason.STORM;
        }
    }
}
