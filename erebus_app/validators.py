"""Formats of wallet addresses, checked where a person types one; services write what their chain gave them."""

import re
from typing import Final

from django.core.exceptions import ValidationError

#: Chains whose addresses are hexadecimal numbers, so that upper and lower case mean the same address.
EVM_CHAINS: Final = ("ethereum", "base", "polygon", "monad")
SOLANA: Final = "solana"

_EVM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_SOLANA_ADDRESS = re.compile(_BASE58 + r"{32,44}")


def validate_wallet_address(chain: str, address: str) -> None:
    """Raise ValidationError unless `address` has the format of `chain`; a chain not known here has none."""
    if chain in EVM_CHAINS and not _EVM_ADDRESS.fullmatch(address):
        raise ValidationError(
            "An address on %(chain)s is 0x and 40 hexadecimal digits.",
            code="invalid_wallet_address",
            params={"chain": chain},
        )
    if chain == SOLANA and not _SOLANA_ADDRESS.fullmatch(address):
        raise ValidationError(
            "An address on solana is 32 to 44 base58 characters: letters and digits without 0, O, I and l.",
            code="invalid_wallet_address",
        )
