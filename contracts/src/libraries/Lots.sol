// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stakes} from "./Stakes.sol";
import {Totals} from "./Totals.sol";

/**
 * @notice Draws validators by lot, with chances that follow their stakes. It takes little more gas among thousands than among
 * a few: anybody may become a validator, and a draw for which no block had room would keep what is in dispute so for good.
 */
library Lots {
    using Totals for uint256[];

    /// @dev The stake of an excluded validator, and all before it.
    struct Gap {
        uint256 fromWei;
        uint256 stakeWei;
    }

    /// @notice The validators drawn, in the order of their seats; one with much stake may hold several.
    function draw(Stakes.State storage self, bytes32 seed, uint256 seats, address[] calldata excluded)
        internal
        view
        returns (address[] memory drawn)
    {
        (Gap[] memory gaps, uint256 totalWei) = _gaps(self, excluded);
        drawn = new address[](totalWei == 0 ? 0 : seats);
        for (uint256 i = 0; i < drawn.length; i++) {
            uint256 point = uint256(keccak256(abi.encode(seed, i))) % totalWei;
            for (uint256 j = 0; j < gaps.length; j++) {
                if (point >= gaps[j].fromWei) point += gaps[j].stakeWei;
            }
            drawn[i] = self.validators[self.totals.placeOf(point) - 1];
        }
    }

    /// @dev Gaps in their order, empty ones at the end, and the stake of those who may be drawn.
    function _gaps(Stakes.State storage self, address[] calldata excluded)
        private
        view
        returns (Gap[] memory gaps, uint256 totalWei)
    {
        gaps = new Gap[](excluded.length);
        totalWei = self.validatorsWei;
        uint256 found = 0;
        for (uint256 i = 0; i < excluded.length; i++) {
            uint256 place = self.members[excluded[i]].place;
            if (place == 0 || _isIn(excluded[:i], excluded[i])) continue;
            uint256 stakeWei = self.members[excluded[i]].stakeWei;
            totalWei -= stakeWei;
            Gap memory gap = Gap(self.totals.upTo(place) - stakeWei, stakeWei);
            uint256 j = found++;
            for (; j > 0 && gaps[j - 1].fromWei > gap.fromWei; j--) {
                gaps[j] = gaps[j - 1];
            }
            gaps[j] = gap;
        }
    }

    function _isIn(address[] calldata list, address node) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i] == node) return true;
        }
        return false;
    }
}
