// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ResultLedger} from "../src/ResultLedger.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Threshold} from "../src/libraries/Threshold.sol";
import {BatchHeader, Charge} from "../src/types/Batch.sol";
import {Param} from "../src/types/Param.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {VM} from "./support/Vm.sol";

/// @notice Fees left open and collected, epochs, and the threshold that moves with them.
contract EpochsTest is LedgerBase {
    uint64 private constant EPOCH = START / EPOCH_SECONDS;

    function setUp() public {
        setUpLedger();
    }

    function test_collectsWhatEarlierBatchesLeftOpen() public {
        post(leaving(1, 2 ether, 0));
        post(leaving(2, 3 ether, 2 ether));
        equal(address(ledger).balance, 0, "collected early");
        (BatchHeader memory third, Charge[] memory charges) = collecting(3, 1 ether, 5 ether);
        post(third, charges);
        equal(address(ledger).balance, 8 ether, "collected");
        (,,, uint256 openWei, uint256 collectedWei) = ledger.progress();
        equal(openWei, 0, "open");
        equal(collectedWei, 8 ether, "all");
        equal(vault.member(validator(0)).lockedWei, 3 * BOND_WEI, "bonds");
    }

    function test_leavesThePayoutsRootUntilFeesAreCollected() public {
        (BatchHeader memory first,) = post(1);
        BatchHeader memory second = leaving(2, 3 ether, 0);
        second.payoutRoot = promising(2, 1 ether);
        post(second);
        passTime(WINDOW);
        ledger.finalise(first);
        ledger.finalise(second);
        require(payout.root() == first.payoutRoot, "a root without money behind it");
    }

    function test_refusesWrongSumsOfOpenFees() public {
        post(leaving(1, 2 ether, 0));
        BatchHeader memory second = leaving(2, 3 ether, 0);
        _refuse(second, abi.encodeWithSelector(Batches.WrongOpenFees.selector, 3 ether, 5 ether));
        second.openWei = 6 ether;
        _refuse(second, abi.encodeWithSelector(Batches.WrongOpenFees.selector, 6 ether, 5 ether));
        second.openWei = 5 ether;
        second.collectedWei = 1;
        _refuse(second, abi.encodeWithSelector(Batches.WrongFee.selector, 1, 0));
    }

    function test_collectsAllOrNothing() public {
        post(leaving(1, 2 ether, 0));
        (BatchHeader memory second, Charge[] memory charges) = collecting(2, 1 ether, 2 ether);
        second.openWei = 1 ether;
        second.collectedWei = 4 ether;
        _refuse(second, charges, abi.encodeWithSelector(Batches.WrongFee.selector, 5 ether, 4 ether));
        second.collectedWei = 5 ether;
        _refuse(second, charges, abi.encodeWithSelector(Batches.WrongOpenFees.selector, 1 ether, 0));
        (second, charges) = collecting(2, 1 ether, 1 ether);
        _refuse(second, charges, abi.encodeWithSelector(Batches.WrongFee.selector, 4 ether, 5 ether));
    }

    function test_refusesChargesOfABatchThatLeavesItsFeesOpen() public {
        BatchHeader memory first = leaving(1, 3 ether, 0);
        (, Charge[] memory charges) = batch(1);
        bytes memory refusal = abi.encodeWithSelector(Batches.WrongCharges.selector, exposed.hashCharges(charges), 0);
        _refuse(first, charges, refusal);
    }

    function test_refusesEpochsThatAreNotThere() public {
        BatchHeader memory first = leaving(1, 1, 0);
        first.epoch = EPOCH + 1;
        _refuse(first, abi.encodeWithSelector(ResultLedger.WrongEpoch.selector, EPOCH + 1, 0, EPOCH));
        first.epoch = EPOCH - 3;
        _refuse(first, abi.encodeWithSelector(ResultLedger.WrongEpoch.selector, EPOCH - 3, 0, EPOCH));
        first.epoch = EPOCH - 2;
        post(first);
        BatchHeader memory second = leaving(2, 1, 1);
        second.epoch = EPOCH - 3;
        _refuse(second, abi.encodeWithSelector(ResultLedger.WrongEpoch.selector, EPOCH - 3, EPOCH - 2, EPOCH));
    }

    function test_goesBackToNoOlderEpoch() public {
        post(leaving(1, 1, 0));
        BatchHeader memory second = leaving(2, 1, 1);
        second.epoch = EPOCH - 1;
        _refuse(second, abi.encodeWithSelector(ResultLedger.WrongEpoch.selector, EPOCH - 1, EPOCH, EPOCH));
    }

    function test_movesTheThresholdWithAnEpochsFirstBatch() public {
        BatchHeader memory first = leaving(1, 1, 0);
        (first.answers, first.payees) = (10, 900);
        post(first);
        passTime(EPOCH_SECONDS);
        uint32 moved = uint32(_moved(STRICTNESS, 900, 10));
        require(moved > STRICTNESS, "many payees make it no stricter");
        BatchHeader memory second = leaving(2, 1, 1);
        _refuse(second, abi.encodeWithSelector(ResultLedger.WrongStrictness.selector, STRICTNESS, moved));
        second.strictness = moved;
        second.answers = 3;
        post(second);
        BatchHeader memory third = leaving(3, 1, 2);
        third.answers = 3;
        _refuse(third, abi.encodeWithSelector(ResultLedger.WrongStrictness.selector, STRICTNESS, moved));
        third.strictness = moved;
        post(third);
    }

    function test_countsOnWithinAnEpoch() public {
        BatchHeader memory first = leaving(1, 1, 0);
        (first.answers, first.payees) = (10, 20);
        post(first);
        BatchHeader memory second = leaving(2, 1, 1);
        bytes memory refusal = abi.encodeWithSelector(ResultLedger.WrongStrictness.selector, STRICTNESS, STRICTNESS);
        (second.answers, second.payees) = (9, 20);
        _refuse(second, refusal);
        (second.answers, second.payees) = (10, 19);
        _refuse(second, refusal);
        (second.answers, second.payees) = (10, 20);
        post(second);
    }

    /// @dev A longer window is voted for; a batch of an epoch before it has the window of its own epoch.
    function test_judgesABatchByTheParametersOfItsEpoch() public {
        Param[] memory names = new Param[](1);
        uint64[] memory values = new uint64[](1);
        (names[0], values[0]) = (Param.WindowSeconds, WINDOW + 50);
        rules.set(names, values);
        passTime(2 * EPOCH_SECONDS);
        equal(rules.valueAt(Param.WindowSeconds, EPOCH + 2), WINDOW + 50, "voted");
        BatchHeader memory first = leaving(1, 1, 0);
        first.epoch = EPOCH + 1;
        post(first);
        equal(ledger.batchOf(1).finalAt, VM.getBlockTimestamp() + WINDOW, "before");
        post(leaving(2, 1, 1));
        equal(ledger.batchOf(2).finalAt, VM.getBlockTimestamp() + WINDOW + 50, "after");
    }

    function _moved(uint64 strictness, uint64 payees, uint64 answers) private view returns (uint256) {
        uint64[4] memory governed = rules.groupAt(4, EPOCH);
        uint64 stepBps = rules.valueAt(Param.StrictnessStepBps, EPOCH);
        Threshold.Rules memory by = Threshold.Rules(governed[2], stepBps, governed[0], governed[1]);
        return Threshold.nextStrictness(strictness, payees, answers, by);
    }

    function _refuse(BatchHeader memory header, bytes memory refusal) private {
        _refuse(header, new Charge[](0), refusal);
    }

    function _refuse(BatchHeader memory header, Charge[] memory charges, bytes memory refusal) private {
        VM.expectRevert(refusal);
        this.postFrom(header, charges);
    }

    /// @dev One call from outside, so that a refusal is expected of nothing before it.
    function postFrom(BatchHeader calldata header, Charge[] calldata charges) external {
        post(header, charges);
    }
}
