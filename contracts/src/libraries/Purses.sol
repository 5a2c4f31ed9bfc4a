// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

/// @notice Where money ends that nobody shall have, and how to pay those on whom nothing may depend.
library Purses {
    /// @dev An account that nobody has the key of.
    address internal constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function burn(uint256 amountWei) internal {
        Address.sendValue(payable(BURNED), amountWei);
    }

    /// @notice Pays an account, or burns the money where it refuses: what follows must not wait for its consent.
    function payOrBurn(address account, uint256 amountWei) internal {
        if (amountWei == 0) return;
        if (!LowLevelCall.callNoReturn(account, amountWei, "")) burn(amountWei);
    }
}
