// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stakes} from "./Stakes.sol";

/// @notice Draws validators by lot, with chances that follow their stakes. It reads each validator once.
library Lots {
    /// @notice The validators drawn, in the order of their seats; one with much stake may hold several.
    function draw(Stakes.State storage self, bytes32 seed, uint256 seats, address[] calldata excluded)
        internal
        view
        returns (address[] memory drawn)
    {
        (address[] memory nodes, uint256[] memory upTo) = _stakes(self, excluded);
        uint256 totalWei = nodes.length == 0 ? 0 : upTo[nodes.length - 1];
        drawn = new address[](totalWei == 0 ? 0 : seats);
        for (uint256 i = 0; i < drawn.length; i++) {
            drawn[i] = nodes[_find(upTo, uint256(keccak256(abi.encode(seed, i))) % totalWei)];
        }
    }

    /// @dev Running totals of the stakes of those who may be drawn.
    function _stakes(Stakes.State storage self, address[] calldata excluded)
        private
        view
        returns (address[] memory nodes, uint256[] memory upTo)
    {
        nodes = self.validators;
        upTo = new uint256[](nodes.length);
        uint256 totalWei = 0;
        for (uint256 i = 0; i < nodes.length; i++) {
            if (!_isIn(excluded, nodes[i])) totalWei += self.members[nodes[i]].stakeWei;
            upTo[i] = totalWei;
        }
    }

    /// @dev The first place whose running total lies above `point`: an excluded one adds nothing, so is never it.
    function _find(uint256[] memory upTo, uint256 point) private pure returns (uint256 low) {
        uint256 high = upTo.length - 1;
        while (low < high) {
            uint256 middle = (low + high) >> 1;
            if (upTo[middle] > point) high = middle;
            else low = middle + 1;
        }
    }

    function _isIn(address[] calldata list, address node) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i] == node) return true;
        }
        return false;
    }
}
