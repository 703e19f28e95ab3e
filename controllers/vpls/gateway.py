"""The gateway of a VPLS instance: of several PEs one is master and holds the virtual address."""

from __future__ import annotations

from typing import Final, final

from controllers.intents import GatewayAddress, GatewayMac
from controllers.pe.ip_vrf import IpVrf
from controllers.pe.outputs import AlarmCode, Note
from controllers.vpls.config import VplsConfig, VrrpConfig
from controllers.vpls.context import Context, VrrpTimer
from controllers.vpls.events import SendGratuitous, SendVrrp
from controllers.vpls.hosts import Hosts
from controllers.vpls.mac_table import MacTable
from controllers.vpls.vrrp import (
    Action,
    Advertisement,
    BecameBackup,
    BecameMaster,
    Send,
    VirtualRouter,
    VrrpState,
)
from controllers.wire.types import IpAddress, mac_to_text

MASTER_PREFERENCE: Final = 200
BACKUP_PREFERENCE: Final = 100
"""Local preference of the subnet's route: packets from outside enter at the master, if there is one."""


@final
class Gateway:
    """One PE's gateway in one bridge domain, for IPv4 or for IPv6."""

    def __init__(
        self, context: Context, instance: VplsConfig, config: VrrpConfig, vrf: IpVrf, macs: MacTable
    ) -> None:
        self._context = context
        self._bd = instance.bd
        self._config = config
        self._vrf = vrf
        self._macs = macs
        self._router = VirtualRouter(config)
        self.hosts = Hosts(context, instance, config, vrf, macs, self)

    @property
    def config(self) -> VrrpConfig:
        """What it was told."""
        return self._config

    @property
    def state(self) -> VrrpState:
        """Its part in the virtual router."""
        return self._router.state

    @property
    def master(self) -> bool:
        """True while this PE holds the virtual address."""
        return self._router.state is VrrpState.MASTER

    @property
    def mac(self) -> int:
        """The MAC that frames from the gateway carry."""
        return self._config.mac if self.master else self._config.own_mac

    def start(self) -> None:
        """Answer for this PE's own address, and listen for a master."""
        effects, config = self._context.effects, self._config
        effects.set(GatewayMac(self._bd, config.own_mac, self._vrf.number))
        effects.set(GatewayAddress(self._bd, config.own.ip, config.own_mac, self._vrf.number))
        self._vrf.connect(config.own.network, self._bd, BACKUP_PREFERENCE)
        self._carry_out(self._router.start(self._context.now))

    @property
    def started(self) -> bool:
        """True while this PE takes part in the virtual router."""
        return self._router.state is not VrrpState.INITIALIZE

    def stop(self) -> None:
        """Leave the virtual router (RFC 5798 §6.4: shutdown), and be no router of the subnet at all."""
        effects, config = self._context.effects, self._config
        self._carry_out(self._router.stop())
        self.hosts.stop()
        self._vrf.disconnect(config.own.network)
        effects.unset(("GatewayAddress", self._bd, config.own.ip))
        effects.unset(("GatewayMac", self._bd, config.own_mac))

    def held(self, mac: int) -> None:
        """This PE was found to route for a MAC."""
        if mac == self._config.mac:
            self._carry_out(self._router.resume(self._context.now))

    def heard(self, advertisement: Advertisement) -> None:
        """Another PE advertised; what is not of this virtual router is not for us (RFC 5798 §7.1)."""
        if advertisement.vrid == self._config.vrid and advertisement.source != self._config.source:
            self._carry_out(self._router.heard(advertisement, self._context.now))

    def tick(self) -> None:
        """The deadline of the virtual router has come."""
        self._carry_out(self._router.tick(self._context.now))

    def holds(self, mac: int, attachment: int) -> bool:
        """True for a MAC that this PE answers to now: frames with it from elsewhere are not learned from.

        Two masters at once are VRRP's to settle; this PE's own MAC is nobody else's ever.
        """
        if mac == self._config.own_mac:
            text = f"bd {self._bd}: attachment {attachment} claims the gateway's MAC {mac_to_text(mac)}"
            self._context.effects.alarm(AlarmCode.GATEWAY_MAC_CLAIMED, (self._bd, mac), text)
            return True
        return self.master and mac == self._config.mac

    def claimed(self, ip: IpAddress, mac: int) -> bool:
        """Tell whether an address is the gateway's; alarm if a host that is no router of it uses it.

        Of hosts that are known: ever new ones over a limit leave nothing behind.
        """
        if ip not in (self._config.own.ip, self._config.virtual):
            return False
        if mac != self._config.mac and self._macs.via(mac) is not None:
            text = f"bd {self._bd}: {mac_to_text(mac)} claims the gateway's address {ip}"
            self._context.effects.alarm(AlarmCode.GATEWAY_IP_CLAIMED, (self._bd, mac), text)
        return True

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(priority):
                    self._send(priority)
                case BecameMaster():
                    self._take_over()
                case BecameBackup():
                    self._give_up()
        timer = VrrpTimer(self._bd, self._config.virtual.version)
        if self._router.deadline is None:
            self._context.agenda.cancel(timer)
        else:
            self._context.agenda.schedule(timer, self._router.deadline)

    def _send(self, priority: int) -> None:
        config = self._config
        advertisement = Advertisement(config.vrid, priority, config.interval, config.addresses, config.source)
        self._context.effects.emit(SendVrrp(self._bd, advertisement))

    def _take_over(self) -> None:
        effects, config = self._context.effects, self._config
        effects.emit(Note("vrrp-master", self._bd, self._config.mac, config.virtual))
        effects.set(GatewayMac(self._bd, self._config.mac, self._vrf.number))
        self._macs.forget(self._config.mac)
        effects.set(GatewayAddress(self._bd, config.virtual, self._config.mac, self._vrf.number))
        self._vrf.connect(config.own.network, self._bd, MASTER_PREFERENCE)
        self.hosts.source_changed()
        effects.emit(SendGratuitous(self._bd, config.virtual, self._config.mac))

    def _give_up(self) -> None:
        effects, config = self._context.effects, self._config
        effects.emit(Note("vrrp-backup", self._bd, self._config.mac, config.virtual))
        self._vrf.connect(config.own.network, self._bd, BACKUP_PREFERENCE)
        self.hosts.source_changed()
        if config.virtual == config.own.ip:
            effects.set(GatewayAddress(self._bd, config.own.ip, config.own_mac, self._vrf.number))
        else:
            effects.unset(("GatewayAddress", self._bd, config.virtual))
        effects.unset(("GatewayMac", self._bd, self._config.mac))
