// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/**
 * @notice Amounts at places, counted from 1, and the totals up to each: a Fenwick tree. The word of a place holds the sum of
 * as many places, ending with it, as the lowest bit of its number says. So whatever is asked or changed reads no more words
 * than that number has bits.
 */
library Totals {
    /// @notice Adds a place behind the last.
    function append(uint256[] storage self, uint256 amount) internal {
        uint256 place = self.length + 1;
        for (uint256 step = 1; place & step == 0; step <<= 1) {
            amount += self[place - step - 1];
        }
        self.push(amount);
    }

    function change(uint256[] storage self, uint256 place, uint256 before, uint256 amount) internal {
        uint256 places = self.length;
        for (; place <= places; place += _lowest(place)) {
            self[place - 1] = self[place - 1] + amount - before;
        }
    }

    /// @notice What stands at a place and at all before it.
    function upTo(uint256[] storage self, uint256 place) internal view returns (uint256 sum) {
        for (; place > 0; place -= _lowest(place)) {
            sum += self[place - 1];
        }
    }

    /// @notice The first place up to which there is more than `point`; where there is nothing at one, it is never that.
    function placeOf(uint256[] storage self, uint256 point) internal view returns (uint256) {
        uint256 places = self.length;
        uint256 step = 1;
        while (step <= places >> 1) step <<= 1;
        uint256 passed = 0;
        for (; step > 0; step >>= 1) {
            if (passed + step > places) continue;
            uint256 sum = self[passed + step - 1];
            if (sum > point) continue;
            point -= sum;
            passed += step;
        }
        return passed + 1;
    }

    function _lowest(uint256 place) private pure returns (uint256) {
        return place & (~place + 1);
    }
}
