"""The registry of vendors, and what settings say of a vendor without the code that reads it."""

from exporter.vendors import SETTINGS
from exporter.vendors.registry import VENDORS


def test_settings_are_those_of_the_registered_vendors() -> None:
    assert {name: vendor.settings for name, vendor in VENDORS.items()} == SETTINGS


def test_settings_say_which_vendor_registers_seats() -> None:
    registers = {name: vendor.seats is not None for name, vendor in VENDORS.items()}

    assert {name: settings.registers_seats for name, settings in SETTINGS.items()} == registers
