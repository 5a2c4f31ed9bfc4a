// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The dynamic attribution threshold, to the same number as `protocol/threshold.ts`, where its rule is explained.
library Threshold {
    uint256 internal constant THOUSANDTHS_A_TENTH = 100;
    uint256 private constant WHOLE_BPS = 10_000;

    /// @notice The parameters by which it moves.
    struct Rules {
        uint64 payeesTargetTenths;
        uint64 strictnessStepBps;
        uint64 strictnessMinTenths;
        uint64 strictnessMaxTenths;
    }

    /**
     * @notice The strictness after a batch with so many answers that paid so many contributors, each counted once an
     * answer: stricter above the target, looser below it, in thousandths of a deviation of noise.
     * @dev Four factors of 64 bits do not overflow a word.
     */
    function nextStrictness(uint64 strictnessThousandths, uint64 payees, uint64 answers, Rules memory rules)
        internal
        pure
        returns (uint256)
    {
        uint256 strictness = strictnessThousandths;
        // Both in tenths of payees.
        uint256 found = uint256(payees) * 10;
        uint256 target = uint256(rules.payeesTargetTenths) * answers;
        bool isAbove = found > target;
        uint256 by = _step(strictness, isAbove ? found - target : target - found, target, rules.strictnessStepBps);
        uint256 moved = isAbove ? strictness + by : strictness - _smaller(by, strictness);
        uint256 min = rules.strictnessMinTenths * THOUSANDTHS_A_TENTH;
        return _smaller(moved < min ? min : moved, rules.strictnessMaxTenths * THOUSANDTHS_A_TENTH);
    }

    function _step(uint256 strictness, uint256 off, uint256 target, uint256 stepBps) private pure returns (uint256 by) {
        // No answers, or no target: nothing to learn from.
        if (target == 0 || stepBps == 0) return 0;
        by = strictness * stepBps * _smaller(off, target) / (target * WHOLE_BPS);
        // A whole payee off moves it by one at least: otherwise rounding would hold a small strictness for ever.
        if (by == 0 && off >= 10) by = 1;
    }

    function _smaller(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
