// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Demands} from "../src/libraries/Demands.sol";
import {Evidence} from "../src/libraries/Evidence.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {BatchHeader} from "../src/types/Batch.sol";
import {Param} from "../src/types/Param.sol";
import {DisputeBase} from "./support/DisputeBase.sol";
import {Receiver} from "./support/Receivers.sol";
import {Settled, hashOf, hashed} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice Receipts that somebody could not get.
contract DemandsTest is DisputeBase {
    address private constant ASKER = address(0xA5);
    address private constant SHOWER = address(0x5110);
    Settled private _placed;

    function setUp() public {
        setUpDisputes(32);
        _placed = settle(receiptOf(10));
        VM.deal(ASKER, bondWei());
    }

    function test_keepsTheBatchOpenUntilTheReceiptIsShown() public {
        _demand(_placed.header, 2);
        equal(address(disputes).balance, bondWei(), "bond");
        passTime(WINDOW);
        VM.expectRevert(abi.encodeWithSelector(Batches.InDispute.selector, 2));
        ledger.finalise(_placed.header);
        VM.prank(SHOWER);
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
        equal(SHOWER.balance, bondWei() / 2, "for the answer");
        equal(Purses.BURNED.balance, bondWei() - bondWei() / 2, "burned");
        equal(address(disputes).balance, 0, "left");
        ledger.finalise(_placed.header);
        VM.expectRevert(abi.encodeWithSelector(Demands.NotDemanded.selector, hashOf(_placed.header), 2));
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
    }

    function test_faultsABatchThatKeepsItsReceipts() public {
        _demand(_placed.header, 2);
        uint64 until = uint64(VM.getBlockTimestamp()) + rules.valueAt(Param.AnswerSeconds, rules.epoch());
        VM.warp(until);
        VM.expectRevert(abi.encodeWithSelector(Demands.StillTime.selector, until));
        disputes.foreclose(hashOf(_placed.header), 2);
        VM.warp(until + 1);
        disputes.foreclose(hashOf(_placed.header), 2);
        equal(ASKER.balance, bondWei(), "bond");
        requireFaulty(2, "fault");
        takeBack(_placed);
        uint256 rewardWei = BOND_WEI * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000;
        equal(ASKER.balance, bondWei() + rewardWei, "reward");
        VM.expectRevert(abi.encodeWithSelector(Demands.NotDemanded.selector, hashOf(_placed.header), 2));
        disputes.foreclose(hashOf(_placed.header), 2);
    }

    /// @dev Late, but before anybody closed the demand: what matters is that the receipt is there.
    function test_takesALateAnswer() public {
        _demand(_placed.header, 2);
        passTime(1 days);
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
        ledger.finalise(_placed.header);
    }

    function test_refusesAnotherBond() public {
        uint256 expectedWei = bondWei();
        VM.deal(address(this), 100 ether);
        VM.expectRevert(abi.encodeWithSelector(Disputes.WrongBond.selector, expectedWei - 1, expectedWei));
        disputes.demand{value: expectedWei - 1}(hashed(_placed.header), 2);
        VM.expectRevert(abi.encodeWithSelector(Disputes.WrongBond.selector, expectedWei + 1, expectedWei));
        disputes.demand{value: expectedWei + 1}(hashed(_placed.header), 2);
    }

    function test_asksOnceAndForWhatThereIs() public {
        _demand(_placed.header, 2);
        uint256 paidWei = bondWei();
        VM.deal(address(this), 100 ether);
        VM.expectRevert(abi.encodeWithSelector(Demands.AlreadyDemanded.selector, hashOf(_placed.header), 2));
        disputes.demand{value: paidWei}(hashed(_placed.header), 2);
        VM.expectRevert(abi.encodeWithSelector(Disputes.NoSuchReceipt.selector, 2, 4, 4));
        disputes.demand{value: paidWei}(hashed(_placed.header), 4);
        _placed.header.data = "another";
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        disputes.demand{value: paidWei}(hashed(_placed.header), 1);
    }

    function test_asksNothingOfAFinalBatch() public {
        passTime(WINDOW);
        ledger.finalise(_placed.header);
        uint256 paidWei = bondWei();
        VM.deal(address(this), paidWei);
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 2));
        disputes.demand{value: paidWei}(hashed(_placed.header), 2);
    }

    function test_takesAnotherReceiptForNoAnswer() public {
        _demand(_placed.header, 1);
        VM.expectRevert(abi.encodeWithSelector(Demands.NotDemanded.selector, hashOf(_placed.header), 2));
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
        _placed.index = 1;
        VM.expectPartialRevert(Evidence.NotInBatch.selector);
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
    }

    function test_givesTheBondBackWhereTheBatchIsGone() public {
        _demand(_placed.header, 2);
        fault(_placed.header, address(0));
        takeBack(_placed);
        settle(receiptOf(11));
        passTime(1 days);
        disputes.foreclose(hashOf(_placed.header), 2);
        equal(ASKER.balance, bondWei(), "bond");
        requireFaulty(0, "a fault of the batch that took the number");
        ledger.finalise(headerOf[2]);
    }

    function test_leavesAnOlderFaultAlone() public {
        Settled memory later = settle(receiptOf(11));
        _demand(later.header, 2);
        fault(_placed.header, address(0));
        passTime(1 days);
        disputes.foreclose(hashOf(later.header), 2);
        requireFaulty(2, "fault");
        equal(ASKER.balance, bondWei(), "bond");
    }

    /// @dev Otherwise a batch without its receipts could be kept from ever being found false.
    function test_foreclosesWhateverTheAskerDoes() public {
        Receiver refusing = new Receiver();
        refusing.refuse(true);
        VM.deal(address(refusing), bondWei());
        refusing.act(address(disputes), bondWei(), abi.encodeCall(Disputes.demand, (hashed(_placed.header), 2)));
        passTime(1 days);
        disputes.foreclose(hashOf(_placed.header), 2);
        equal(Purses.BURNED.balance, bondWei(), "burned");
        requireFaulty(2, "fault");
        takeBack(_placed);
    }

    function test_leavesNoGainToWhoAnswersItself() public {
        _demand(_placed.header, 2);
        VM.prank(ASKER);
        disputes.show(hashed(_placed.header), _placed.receipt, _placed.index, _placed.siblings);
        require(ASKER.balance <= bondWei() / 2, "more than half is back");
    }

    function _demand(BatchHeader memory header, uint256 index) private {
        uint256 paidWei = bondWei();
        VM.prank(ASKER);
        disputes.demand{value: paidWei}(hashed(header), index);
    }
}
