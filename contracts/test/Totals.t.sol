// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Totals} from "../src/libraries/Totals.sol";
import {VM} from "./support/Vm.sol";

/// @notice The tree beside a plain list of the same amounts.
contract TotalsTest {
    using Totals for uint256[];

    uint256[] private _tree;
    uint256[] private _amounts;

    /// @dev Three steps of eight add or change, one takes the last away; every tenth amount is nothing.
    function testFuzz_holdsWhatAListHolds(uint256[40] calldata steps) public {
        for (uint256 i = 0; i < steps.length; i++) {
            uint256 amount = steps[i] % 10 == 0 ? 0 : uint96(steps[i]);
            if (_amounts.length == 0 || steps[i] >> 253 < 4) _append(amount);
            else if (steps[i] >> 253 < 7) _change((steps[i] >> 96) % _amounts.length, amount);
            else _pop();
        }
        _compare();
    }

    function _append(uint256 amount) private {
        _tree.append(amount);
        _amounts.push(amount);
    }

    function _change(uint256 index, uint256 amount) private {
        _tree.change(index + 1, _amounts[index], amount);
        _amounts[index] = amount;
    }

    function _pop() private {
        _tree.pop();
        _amounts.pop();
    }

    function _compare() private view {
        uint256 total = 0;
        for (uint256 i = 0; i < _amounts.length; i++) {
            // The first and the last point of a place.
            if (_amounts[i] > 0) {
                require(_tree.placeOf(total) == i + 1, "first point");
                require(_tree.placeOf(total + _amounts[i] - 1) == i + 1, "last point");
            }
            total += _amounts[i];
            require(_tree.upTo(i + 1) == total, string.concat("up to ", VM.toString(i + 1)));
        }
    }
}
