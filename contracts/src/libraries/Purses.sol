// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @notice Where money ends that nobody shall have, and how to pay those on whom nothing may depend.
library Purses {
    /// @dev An account that nobody has the key of.
    address internal constant BURNED = 0x000000000000000000000000000000000000dEaD;
    /// @dev Many times what a wallet with code takes. One that is given all can take all but a 64th, and does so once for
    /// each account that is slashed.
    uint256 private constant RECEIVER_GAS = 50_000;

    function burn(uint256 amountWei) internal {
        Address.sendValue(payable(BURNED), amountWei);
    }

    /// @notice Pays an account, or burns the money where it refuses or takes too much gas: what follows must not wait for
    /// its consent.
    function payOrBurn(address account, uint256 amountWei) internal {
        if (amountWei == 0) return;
        bool isPaid;
        assembly ("memory-safe") {
            isPaid := call(RECEIVER_GAS, account, amountWei, 0, 0, 0, 0)
        }
        if (!isPaid) burn(amountWei);
    }
}
