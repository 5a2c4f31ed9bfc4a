// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Params} from "../src/Params.sol";
import {ParamRules} from "../src/libraries/ParamRules.sol";
import {Param} from "../src/types/Param.sol";
import {GovernanceBase} from "./support/GovernanceBase.sol";
import {VM, Vm} from "./support/Vm.sol";

contract ParamsTest is GovernanceBase {
    uint64 private _start;

    function setUp() public {
        VM.warp(1_800_000_500);
        params = deployParams(address(this));
        _start = params.epoch();
    }

    function test_beginsWithItsInitialValues() public view {
        uint64[] memory initial = initialValues();
        for (uint256 i = 0; i < initial.length; i++) {
            equal(params.valueAt(Param(i), 0), initial[i], "at birth");
            equal(params.valueAt(Param(i), _start), initial[i], "now");
        }
        uint64[4] memory shares = params.groupAt(2, _start);
        equal(shares[0], 4500, "worker");
        equal(shares[1], 1000, "validators");
        equal(shares[2], 1000, "model owner");
        equal(shares[3], 3000, "contributors");
        equal(_start, 1_800_000, "epoch");
    }

    function test_tellsWhatItWasBornWith() public {
        VM.recordLogs();
        deployParams(address(this));
        Vm.Log[] memory logs = VM.getRecordedLogs();
        equal(logs.length, 28, "logs");
        for (uint256 i = 0; i < logs.length; i++) {
            require(logs[i].topics[0] == Params.ParamSet.selector, "event");
            equal(uint256(logs[i].topics[1]), i, "param");
        }
    }

    function test_letsOnlyTheGovernorSet() public {
        (Param[] memory names, uint64[] memory values) = one(Param.WindowSeconds, 8);
        VM.prank(address(0xBAD));
        VM.expectRevert(abi.encodeWithSelector(Params.NotGovernor.selector, address(0xBAD)));
        params.set(names, values);
    }

    function test_changesAnEpochThatHasNotBeenAnnouncedOnly() public {
        _set(Param.WindowSeconds, 8);
        equal(params.valueAt(Param.WindowSeconds, _start), 4, "now");
        equal(params.valueAt(Param.WindowSeconds, _start + 1), 4, "next");
        equal(params.valueAt(Param.WindowSeconds, _start + 2), 8, "the one after");
        equal(params.valueAt(Param.BatchBondGwei, _start + 2), 1e8, "its neighbour");
        _passEpochs(2);
        equal(params.valueAt(Param.WindowSeconds, params.epoch()), 8, "later");
        equal(params.valueAt(Param.WindowSeconds, _start + 1), 4, "what was, was");
    }

    function test_combinesDecisionsForTheSameEpoch() public {
        _set(Param.WindowSeconds, 8);
        _set(Param.CollectionBatches, 5);
        _set(Param.WindowSeconds, 9);
        uint64[4] memory group = params.groupAt(0, _start + 2);
        equal(group[0], 9, "window");
        equal(group[3], 5, "collection");
        equal(params.groupAt(0, _start + 1)[3], 1, "before");
    }

    function test_keepsTwoAnnouncedEpochsApart() public {
        _set(Param.WindowSeconds, 8);
        _passEpochs(1);
        _set(Param.WindowSeconds, 16);
        equal(params.valueAt(Param.WindowSeconds, _start + 1), 4, "now");
        equal(params.valueAt(Param.WindowSeconds, _start + 2), 8, "first");
        equal(params.valueAt(Param.WindowSeconds, _start + 3), 16, "second");
    }

    function test_takesTheLaterOfTwoValuesForOneParameter() public {
        Param[] memory names = new Param[](2);
        uint64[] memory values = new uint64[](2);
        (names[0], values[0]) = (Param.JurySeats, 9);
        (names[1], values[1]) = (Param.JurySeats, 5);
        params.set(names, values);
        equal(params.valueAt(Param.JurySeats, _start + 2), 5, "seats");
    }

    function test_refusesListsOfDifferentLengths() public {
        VM.expectRevert(abi.encodeWithSelector(Params.LengthMismatch.selector, 2, 1));
        params.set(new Param[](2), new uint64[](1));
        VM.expectRevert(abi.encodeWithSelector(Params.LengthMismatch.selector, 28, 27));
        new Params(address(this), EPOCH, new uint64[](27));
        VM.expectRevert(abi.encodeWithSelector(Params.NoEpoch.selector));
        new Params(address(this), 0, new uint64[](28));
    }

    function test_refusesWhatIsOutOfBounds() public {
        bytes4 refusal = ParamRules.OutOfBounds.selector;
        _setRefused(Param.JurySeats, 2, abi.encodeWithSelector(refusal, Param.JurySeats, 2, 3, 31));
        _setRefused(Param.ReporterBps, 5001, abi.encodeWithSelector(refusal, Param.ReporterBps, 5001, 0, 5000));
    }

    function test_movesByAStepAnEpoch() public {
        bytes4 refusal = ParamRules.StepTooLarge.selector;
        _setRefused(Param.JurySeats, 12, abi.encodeWithSelector(refusal, Param.JurySeats, 7, 12, 4));
        _set(Param.JurySeats, 11);
        // Deciding again in the same epoch goes no further than deciding once.
        _setRefused(Param.JurySeats, 15, abi.encodeWithSelector(refusal, Param.JurySeats, 7, 15, 4));
        _set(Param.JurySeats, 3);
        _set(Param.JurySeats, 11);
        _passEpochs(1);
        _set(Param.JurySeats, 15);
        equal(params.valueAt(Param.JurySeats, _start + 2), 11, "first");
        equal(params.valueAt(Param.JurySeats, _start + 3), 15, "second");
    }

    function test_holdsTheSharesOfAFeeTogether() public {
        VM.expectRevert(abi.encodeWithSelector(ParamRules.SharesOverWhole.selector, 10_001));
        (Param[] memory names, uint64[] memory values) = one(Param.WorkerBps, 4801);
        params.set(names, values);
        // What one gains another may lose in the same decision.
        names = new Param[](2);
        values = new uint64[](2);
        (names[0], values[0]) = (Param.WorkerBps, 5000);
        (names[1], values[1]) = (Param.StakersBps, 0);
        params.set(names, values);
        equal(params.valueAt(Param.WorkerBps, _start + 2), 5000, "worker");
        // The sum is that of the epoch to come, not of this one.
        _setRefused(Param.StakersBps, 1, abi.encodeWithSelector(ParamRules.SharesOverWhole.selector, 10_001));
    }

    function test_readsAWordInTwoLoads() public {
        for (uint256 i = 0; i < 5; i++) {
            _set(Param.WindowSeconds, uint64(5 + i));
            _passEpochs(2);
        }
        uint64 now_ = params.epoch();
        VM.cool(address(params));
        uint256 gas = gasleft();
        params.groupAt(0, now_);
        gas -= gasleft();
        // 2,600 for the cold account, 4,200 for two cold slots, the rest for the call itself.
        require(gas < 9000, string.concat("gas: ", VM.toString(gas)));
    }

    /// @dev A model that keeps a value for each epoch, compared over random decisions and pauses.
    function testFuzz_keepsEveryEpoch(uint256 seed) public {
        uint64 first = _start;
        uint64[] memory model = new uint64[](64);
        for (uint256 i = 0; i < model.length; i++) {
            model[i] = 4;
        }
        for (uint256 i = 0; i < 20; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            _passEpochs(random % 3);
            uint64 passed = params.epoch() - first;
            if (passed + 2 >= model.length) break;
            uint64 value = uint64(1 + (random >> 8) % 3000);
            _set(Param.WindowSeconds, value);
            for (uint256 j = passed + 2; j < model.length; j++) {
                model[j] = value;
            }
        }
        for (uint64 i = 0; i < model.length; i++) {
            equal(params.valueAt(Param.WindowSeconds, first + i), model[i], "window");
        }
        equal(params.valueAt(Param.WindowSeconds, 0), 4, "at birth");
    }

    /// @dev Whatever is decided, no value leaves its bounds or moves by more than its step from epoch to epoch.
    function testFuzz_neverLeapsAndNeverLeavesItsBounds(uint256 seed) public {
        for (uint256 i = 0; i < 30; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            _passEpochs(random % 2);
            Param param = Param((random >> 8) % 28);
            ParamRules.Bounds memory bounds = ParamRules.boundsOf(param);
            (Param[] memory names, uint64[] memory values) =
                one(param, uint64(clamp(random >> 32, 0, uint256(bounds.max) * 11 / 10)));
            try params.set(names, values) {} catch {}
        }
        uint64 last = params.epoch() + 2;
        for (uint256 i = 0; i < 28; i++) {
            ParamRules.Bounds memory bounds = ParamRules.boundsOf(Param(i));
            for (uint64 epoch = _start; epoch <= last; epoch++) {
                uint64 before = params.valueAt(Param(i), epoch);
                uint64 later = params.valueAt(Param(i), epoch + 1);
                require(later >= bounds.min && later <= bounds.max, "out of bounds");
                require((later > before ? later - before : before - later) <= bounds.step, "leapt");
            }
        }
    }

    function _set(Param param, uint64 value) private {
        (Param[] memory names, uint64[] memory values) = one(param, value);
        params.set(names, values);
    }

    function _setRefused(Param param, uint64 value, bytes memory refusal) private {
        (Param[] memory names, uint64[] memory values) = one(param, value);
        VM.expectRevert(refusal);
        params.set(names, values);
    }

    function _passEpochs(uint256 count) private {
        VM.warp(VM.getBlockTimestamp() + count * EPOCH);
    }
}
