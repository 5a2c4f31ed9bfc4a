// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParams} from "./interfaces/IParams.sol";
import {ParamHistory} from "./libraries/ParamHistory.sol";
import {PARAM_COUNT, PARAM_GROUPS, ParamRules} from "./libraries/ParamRules.sol";
import {Param} from "./types/Param.sol";

/**
 * @title Params
 * @notice What governance may move, within bounds that it may not. A decision counts from the epoch after the next, so
 * everybody has a whole epoch's notice, and what is judged by its epoch is judged by values that stand.
 */
contract Params is IParams {
    using ParamHistory for ParamHistory.History;

    /// @notice From a decision to its effect: the epoch that runs and a whole one after it.
    uint64 public constant NOTICE_EPOCHS = 2;

    /// @notice The only account that may set: the timelock, which does what was voted for.
    address public immutable governor;
    /// @inheritdoc IParams
    uint64 public immutable epochSeconds;

    ParamHistory.History[PARAM_GROUPS] private _histories;

    /// @notice A parameter has this value from an epoch on; 0 is the epoch of those it was born with.
    event ParamSet(Param indexed param, uint64 value, uint64 fromEpoch);

    error NotGovernor(address caller);
    error LengthMismatch(uint256 params, uint256 values);
    error NoEpoch();

    /// @param initial One value for each parameter, in the order of `Param`.
    constructor(address governor_, uint64 epochSeconds_, uint64[] memory initial) {
        if (epochSeconds_ == 0) revert NoEpoch();
        if (initial.length != PARAM_COUNT) revert LengthMismatch(PARAM_COUNT, initial.length);
        governor = governor_;
        epochSeconds = epochSeconds_;
        uint256[PARAM_GROUPS] memory words;
        for (uint256 i = 0; i < PARAM_COUNT; i++) {
            Param param = Param(i);
            ParamRules.requireChange(param, initial[i], initial[i]);
            uint256 group = ParamRules.groupOf(param);
            words[group] = ParamRules.withValue(words[group], param, initial[i]);
            emit ParamSet(param, initial[i], 0);
        }
        ParamRules.requireTogether(words);
        for (uint256 group = 0; group < PARAM_GROUPS; group++) {
            _histories[group].set(0, words[group]);
        }
    }

    /**
     * @notice Sets parameters from the epoch after the next on. Only the governor may. What it decided for that epoch
     * before stays, where it is not named again.
     * @param params Which; of one that is named twice, the later value counts.
     * @param values The value of each, within its bounds and no further than its step from the epoch before.
     */
    function set(Param[] calldata params, uint64[] calldata values) external {
        if (msg.sender != governor) revert NotGovernor(msg.sender);
        if (params.length != values.length) revert LengthMismatch(params.length, values.length);
        uint64 fromEpoch = epoch() + NOTICE_EPOCHS;
        for (uint256 i = 0; i < params.length; i++) {
            ParamHistory.History storage history = _histories[ParamRules.groupOf(params[i])];
            // Steps are counted from the epoch before, so several decisions in one epoch go no further than one.
            ParamRules.requireChange(params[i], valueAt(params[i], fromEpoch - 1), values[i]);
            history.set(fromEpoch, ParamRules.withValue(history.word, params[i], values[i]));
            emit ParamSet(params[i], values[i], fromEpoch);
        }
        uint256[PARAM_GROUPS] memory words;
        for (uint256 group = 0; group < PARAM_GROUPS; group++) {
            words[group] = _histories[group].word;
        }
        ParamRules.requireTogether(words);
    }

    /// @inheritdoc IParams
    function epoch() public view returns (uint64) {
        return uint64(block.timestamp / epochSeconds);
    }

    /// @inheritdoc IParams
    function valueAt(Param param, uint64 epoch_) public view returns (uint64) {
        return ParamRules.valueOf(_histories[ParamRules.groupOf(param)].wordAt(epoch_), param);
    }

    /// @inheritdoc IParams
    function groupAt(uint256 group, uint64 epoch_) external view returns (uint64[4] memory values) {
        uint256 word = _histories[group].wordAt(epoch_);
        for (uint256 i = 0; i < 4; i++) {
            values[i] = uint64(word >> 64 * i);
        }
    }
}
