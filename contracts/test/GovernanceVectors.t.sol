// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Params} from "../src/Params.sol";
import {ParamRules} from "../src/libraries/ParamRules.sol";
import {Threshold} from "../src/libraries/Threshold.sol";
import {Param} from "../src/types/Param.sol";
import {GovernanceBase} from "./support/GovernanceBase.sol";
import {VM} from "./support/Vm.sol";

/// @notice Parameters and threshold are what `protocol` says; `test/vectors/contracts.json` was written there.
contract GovernanceVectorsTest is GovernanceBase {
    string private _json;

    function setUp() public {
        _json = VM.readFile("test/vectors/contracts.json");
    }

    function test_hasTheBoundsOfTheTable() public view {
        uint256[] memory min = _column(".parameters.min");
        uint256[] memory max = _column(".parameters.max");
        uint256[] memory step = _column(".parameters.step");
        equal(min.length, uint256(type(Param).max) + 1, "parameters");
        for (uint256 i = 0; i < min.length; i++) {
            ParamRules.Bounds memory bounds = ParamRules.boundsOf(Param(i));
            equal(bounds.min, min[i], string.concat("min of ", VM.toString(i)));
            equal(bounds.max, max[i], string.concat("max of ", VM.toString(i)));
            equal(bounds.step, step[i], string.concat("step of ", VM.toString(i)));
        }
    }

    function test_refusesTheSameSetsOfValues() public {
        for (uint256 i = 0; i < 15; i++) {
            string memory path = string.concat(".parameterSets[", VM.toString(i), "]");
            uint64[] memory values = toUint64s(_column(string.concat(path, ".values")));
            string memory expected = VM.parseJsonString(_json, string.concat(path, ".error"));
            string memory found = "";
            try new Params(address(this), EPOCH, values) {}
            catch (bytes memory reason) {
                found = _nameOf(bytes4(reason));
            }
            require(keccak256(bytes(found)) == keccak256(bytes(expected)), string.concat(path, found));
        }
    }

    function test_refusesTheSameChanges() public view {
        uint256[] memory indices = _column(".parameterChanges.params");
        uint256[] memory befores = _column(".parameterChanges.befores");
        uint256[] memory values = _column(".parameterChanges.values");
        uint256[] memory codes = _column(".parameterChanges.codes");
        require(indices.length > 150, "too few");
        for (uint256 i = 0; i < indices.length; i++) {
            uint256 code = 0;
            try this.change(Param(indices[i]), uint64(befores[i]), uint64(values[i])) {}
            catch (bytes memory reason) {
                code = bytes4(reason) == ParamRules.OutOfBounds.selector ? 1 : 2;
            }
            equal(code, codes[i], string.concat("change ", VM.toString(i)));
        }
    }

    function test_movesTheThresholdTheSame() public view {
        uint256[][] memory columns = new uint256[][](8);
        columns[0] = _column(".threshold.strictness");
        columns[1] = _column(".threshold.payees");
        columns[2] = _column(".threshold.answers");
        columns[3] = _column(".threshold.targets");
        columns[4] = _column(".threshold.steps");
        columns[5] = _column(".threshold.mins");
        columns[6] = _column(".threshold.maxs");
        columns[7] = _column(".threshold.next");
        require(columns[0].length > 200, "too few");
        for (uint256 i = 0; i < columns[0].length; i++) {
            Threshold.Rules memory rules = Threshold.Rules(
                uint64(columns[3][i]), uint64(columns[4][i]), uint64(columns[5][i]), uint64(columns[6][i])
            );
            uint256 next =
                Threshold.nextStrictness(uint64(columns[0][i]), uint64(columns[1][i]), uint64(columns[2][i]), rules);
            equal(next, columns[7][i], string.concat("row ", VM.toString(i)));
        }
    }

    /// @dev No input of the type overflows; the result is bounded, and more payees never make it looser.
    function testFuzz_boundsTheThreshold(
        uint64 strictness,
        uint64 payees,
        uint64 more,
        uint64 answers,
        Threshold.Rules memory rules
    ) public pure {
        uint256 next = Threshold.nextStrictness(strictness, payees, answers, rules);
        uint256 max = uint256(rules.strictnessMaxTenths) * 100;
        uint256 min = uint256(rules.strictnessMinTenths) * 100;
        require(next <= max, "above");
        require(min > max || next >= min, "below");
        more = more < payees ? payees : more;
        require(Threshold.nextStrictness(strictness, more, answers, rules) >= next, "looser for more payees");
    }

    /// @dev External, so that it can be tried.
    function change(Param param, uint64 before, uint64 value) external pure {
        ParamRules.requireChange(param, before, value);
    }

    function _nameOf(bytes4 selector) private pure returns (string memory) {
        if (selector == ParamRules.OutOfBounds.selector) return "OutOfBounds";
        if (selector == ParamRules.SharesOverWhole.selector) return "SharesOverWhole";
        if (selector == ParamRules.MinimumOverMaximum.selector) return "MinimumOverMaximum";
        if (selector == ParamRules.ExitBeforeWindow.selector) return "ExitBeforeWindow";
        return "another";
    }

    function _column(string memory path) private view returns (uint256[] memory) {
        return VM.parseJsonUintArray(_json, path);
    }
}
