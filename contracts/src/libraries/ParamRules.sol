// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Param} from "../types/Param.sol";

uint256 constant PARAM_COUNT = 28;
/// @dev Four parameters to a group, a group to a storage word.
uint256 constant PARAM_GROUPS = 7;

/// @notice Bounds that governance itself may not cross. Repeats `protocol/parameters.ts`, where each has its reason.
library ParamRules {
    uint256 private constant WHOLE_BPS = 10_000;
    uint64 private constant OPEN = 1e9;
    uint64 private constant MILLI_OPEN = 1e6;

    struct Bounds {
        uint64 min;
        uint64 max;
        /// How far the value may move from one epoch to the next.
        uint64 step;
    }

    error OutOfBounds(Param param, uint64 value, uint64 min, uint64 max);
    error StepTooLarge(Param param, uint64 before, uint64 value, uint64 step);
    error SharesOverWhole(uint256 sumBps);
    error MinimumOverMaximum(uint64 minTenths, uint64 maxTenths);
    error ExitBeforeWindow(uint64 exitDelaySeconds, uint64 windowSeconds);

    /// @notice Reverts where the parameter may not become `value` in the epoch after one in which it was `before`.
    function requireChange(Param param, uint64 before, uint64 value) internal pure {
        Bounds memory bounds = boundsOf(param);
        if (value < bounds.min || value > bounds.max) revert OutOfBounds(param, value, bounds.min, bounds.max);
        uint64 moved = value > before ? value - before : before - value;
        if (moved > bounds.step) revert StepTooLarge(param, before, value, bounds.step);
    }

    /// @notice Reverts where values, each within its bounds, do not go together. One word a group, as `Params` keeps them.
    function requireTogether(uint256[PARAM_GROUPS] memory words) internal pure {
        _requireShares(
            valueIn(words, Param.WorkerBps) + valueIn(words, Param.ValidatorsBps) + valueIn(words, Param.ModelOwnerBps)
                + valueIn(words, Param.ContributorsBps) + valueIn(words, Param.StakersBps)
        );
        _requireShares(
            valueIn(words, Param.TuneWorkerBps) + valueIn(words, Param.TuneValidatorsBps)
                + valueIn(words, Param.TuneStakersBps)
        );
        uint64 minTenths = valueIn(words, Param.StrictnessMinTenths);
        uint64 maxTenths = valueIn(words, Param.StrictnessMaxTenths);
        if (minTenths > maxTenths) revert MinimumOverMaximum(minTenths, maxTenths);
        // Whoever stands for a batch must still be held when its window ends.
        uint64 exitDelaySeconds = valueIn(words, Param.ExitDelaySeconds);
        uint64 windowSeconds = valueIn(words, Param.WindowSeconds);
        if (exitDelaySeconds <= windowSeconds) revert ExitBeforeWindow(exitDelaySeconds, windowSeconds);
    }

    function boundsOf(Param param) internal pure returns (Bounds memory) {
        uint256 index = uint256(param);
        if (index < uint256(Param.WorkerBps)) return _batchesAndStakes(param);
        if (index < uint256(Param.StrictnessMinTenths)) return _shares(param);
        return _disputesAndData(param);
    }

    function _batchesAndStakes(Param param) private pure returns (Bounds memory) {
        if (param == Param.WindowSeconds) return Bounds(1, 7 days, 6 hours);
        if (param == Param.BatchBondGwei) return Bounds(MILLI_OPEN, 1000 * OPEN, 10 * OPEN);
        if (param == Param.StrictnessStepBps) return Bounds(0, 5000, 1250);
        if (param == Param.CollectionBatches) return Bounds(1, 1000, 10);
        if (param == Param.MinimumStakeGwei) return Bounds(10 * MILLI_OPEN, 100_000 * OPEN, 100 * OPEN);
        if (param == Param.ExitDelaySeconds) return Bounds(2, 30 days, 1 days);
        if (param == Param.EquivocationSlashBps) return Bounds(1, 10_000, 1000);
        return Bounds(1, 5000, 500); // EndorserSlashBps
    }

    function _shares(Param param) private pure returns (Bounds memory) {
        if (param == Param.WorkerBps) return Bounds(1000, 9000, 500);
        if (param == Param.ValidatorsBps) return Bounds(100, 5000, 500);
        if (param == Param.ModelOwnerBps) return Bounds(0, 5000, 500);
        if (param == Param.ContributorsBps) return Bounds(1000, 8000, 500);
        if (param == Param.StakersBps) return Bounds(0, 2000, 200);
        if (param == Param.TuneWorkerBps) return Bounds(1000, 9500, 500);
        if (param == Param.TuneValidatorsBps) return Bounds(100, 5000, 500);
        return Bounds(0, 2000, 200); // TuneStakersBps
    }

    function _disputesAndData(Param param) private pure returns (Bounds memory) {
        if (param == Param.StrictnessMinTenths) return Bounds(0, 30, 5);
        if (param == Param.StrictnessMaxTenths) return Bounds(10, 100, 10);
        if (param == Param.PayeesTargetTenths) return Bounds(1, 1000, 20);
        if (param == Param.ReporterBps) return Bounds(0, 5000, 1000);
        if (param == Param.ChallengeBondGwei) return Bounds(MILLI_OPEN, 1000 * OPEN, 10 * OPEN);
        if (param == Param.JurySeats) return Bounds(3, 31, 4);
        if (param == Param.CommitSeconds || param == Param.RevealSeconds) return Bounds(1, 1 days, 1 hours);
        if (param == Param.AnswerSeconds) return Bounds(1, 7 days, 6 hours);
        if (param == Param.ContributionBondGwei) return Bounds(0, 100 * OPEN, OPEN);
        if (param == Param.ReviewSeconds) return Bounds(1, 30 days, 1 days);
        return Bounds(0, 10_000, 1000); // ReviewSlashBps
    }

    /// @notice Value of a parameter in the word of its group: the first of four lies lowest.
    function valueOf(uint256 word, Param param) internal pure returns (uint64) {
        return uint64(word >> _shift(param));
    }

    /// @notice The word with another value for the parameter.
    function withValue(uint256 word, Param param, uint64 value) internal pure returns (uint256) {
        uint256 shift = _shift(param);
        return word & ~(uint256(type(uint64).max) << shift) | uint256(value) << shift;
    }

    function groupOf(Param param) internal pure returns (uint256) {
        return uint256(param) / 4;
    }

    function valueIn(uint256[PARAM_GROUPS] memory words, Param param) internal pure returns (uint64) {
        return valueOf(words[groupOf(param)], param);
    }

    function _requireShares(uint256 sumBps) private pure {
        if (sumBps > WHOLE_BPS) revert SharesOverWhole(sumBps);
    }

    function _shift(Param param) private pure returns (uint256) {
        return uint256(param) % 4 * 64;
    }
}
