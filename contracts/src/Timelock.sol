// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/**
 * @title Timelock
 * @notice Does what was voted for, after a wait in which whoever disagrees may leave. It has no administrator but itself.
 */
contract Timelock is TimelockController {
    /// @param governor The only account that may schedule and cancel; anybody may execute what is due.
    constructor(uint256 delaySeconds, address governor)
        TimelockController(delaySeconds, _only(governor), _only(address(0)), address(0))
    {}

    function _only(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
