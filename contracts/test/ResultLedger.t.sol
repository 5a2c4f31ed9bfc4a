// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ResultLedger} from "../src/ResultLedger.sol";
import {Batch, Batches} from "../src/libraries/Batches.sol";
import {Escrows} from "../src/libraries/Escrows.sol";
import {Stakes} from "../src/libraries/Stakes.sol";
import {BatchHeader, Charge, Endorsement} from "../src/types/Batch.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {hashOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

contract ResultLedgerTest is LedgerBase {
    function setUp() public {
        setUpLedger();
    }

    function test_postsCollectsAndFinalises() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        post(header, 2, charges);
        equal(address(ledger).balance, 3 ether, "custody");
        Batch memory kept = ledger.batchOf(1);
        equal(kept.finalAt, block.timestamp + WINDOW, "finalAt");
        require(kept.headerHash == bytes24(exposed.hashHeader(header)), "hash");
        equal(vault.member(validator(0)).lockedWei, BOND_WEI, "bond");
        VM.expectRevert(abi.encodeWithSelector(Batches.NotFinal.selector, 1));
        ledger.requireFinal(header);
        ledger.requireOpen(header.number, hashOf(header));
        VM.warp(kept.finalAt);
        ledger.finalise(header);
        equal(address(ledger).balance, 0, "custody after");
        equal(address(payout).balance, 3 ether, "payout");
        equal(vault.member(validator(0)).lockedWei, 0, "bond after");
        ledger.requireFinal(header);
        require(payout.root() == header.payoutRoot, "payouts");
    }

    function test_refusesASecondPostForLittle() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        asPoster();
        ledger.post(header, signed, charges);
        asPoster();
        uint256 startGas = gasleft();
        try ledger.post(header, signed, charges) {
            revert("posted twice");
        } catch (bytes memory refusal) {
            require(
                keccak256(refusal) == keccak256(abi.encodeWithSelector(Batches.AlreadyPosted.selector, 1)), "refusal"
            );
        }
        require(startGas - gasleft() < 20_000, "refusing is dear");
    }

    /// @dev Its endorsements would not be found in the transaction.
    function test_refusesABatchThatAContractPosts() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        VM.expectRevert(abi.encodeWithSelector(ResultLedger.PostedByContract.selector, address(this)));
        ledger.post(header, signed, charges);
        VM.prank(address(this), address(this));
        VM.expectRevert(abi.encodeWithSelector(ResultLedger.PostedByContract.selector, address(this)));
        ledger.post(header, signed, charges);
    }

    function test_refusesGapsInTheNumbers() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(2);
        _refuse(header, endorsements(header, 3), charges, abi.encodeWithSelector(Batches.NumberGap.selector, 2, 1));
        header.number = 0;
        _refuse(header, endorsements(header, 3), charges, abi.encodeWithSelector(Batches.AlreadyPosted.selector, 0));
    }

    function test_refusesLessThanTwoThirds() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        _refuse(
            header,
            endorsements(header, 1),
            charges,
            abi.encodeWithSelector(ResultLedger.NoQuorum.selector, 10 ether, 30 ether)
        );
        // Two of three are two thirds to the wei; one wei more on the other side and they are not.
        vault.topUp{value: 1}(VM.addr(validatorKeys[2]));
        _refuse(
            header,
            endorsements(header, 2),
            charges,
            abi.encodeWithSelector(ResultLedger.NoQuorum.selector, 20 ether, 30 ether + 1)
        );
    }

    function test_refusesABatchWhereNobodyValidates() public {
        for (uint256 i = 0; i < 3; i++) {
            vault.requestExit(VM.addr(validatorKeys[i]));
        }
        stakeFor(9, 1, 1 ether);
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        header.proposer = VM.addr(9);
        _refuse(header, new Endorsement[](0), charges, abi.encodeWithSelector(ResultLedger.NoQuorum.selector, 0, 0));
    }

    function test_refusesDuplicateAndDisorderedSigners() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 2);
        signed[1] = signed[0];
        bytes memory refusal =
            abi.encodeWithSelector(ResultLedger.EndorsementsNotAscending.selector, VM.addr(validatorKeys[0]));
        _refuse(header, signed, charges, refusal);
        signed = endorsements(header, 2);
        (signed[0], signed[1]) = (signed[1], signed[0]);
        _refuse(header, signed, charges, refusal);
    }

    function test_refusesSignersWhoAreNoActiveValidators() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        address leaving = VM.addr(validatorKeys[1]);
        vault.requestExit(leaving);
        _refuse(header, signed, charges, abi.encodeWithSelector(Stakes.NotActiveValidator.selector, leaving));
        stakeFor(9, 5, 100 ether);
        signed = new Endorsement[](1);
        signed[0] = endorsement(9, header);
        _refuse(header, signed, charges, abi.encodeWithSelector(Stakes.NotActiveValidator.selector, VM.addr(9)));
    }

    function test_refusesEndorsementsOfAnotherHeader() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        header.payoutRoot = keccak256("mine");
        _refuse(
            header,
            signed,
            charges,
            abi.encodeWithSelector(ResultLedger.BadEndorsement.selector, VM.addr(validatorKeys[0]))
        );
    }

    function test_refusesAnEndorsementInAnothersName() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        (signed[2].r, signed[2].vs) = (signed[1].r, signed[1].vs);
        _refuse(
            header,
            signed,
            charges,
            abi.encodeWithSelector(ResultLedger.BadEndorsement.selector, VM.addr(validatorKeys[2]))
        );
    }

    function test_refusesChargesThatAreNotTheHeaders() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        bytes32 expected = header.charges;
        charges[0].feeWei += 1;
        bytes32 given = exposed.hashCharges(charges);
        _refuse(header, signed, charges, abi.encodeWithSelector(Batches.WrongCharges.selector, given, expected));
    }

    function test_refusesChargesThatDoNotAddUp() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        header.feeWei += 1;
        header.collectedWei += 1;
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Batches.WrongFee.selector, 3 ether, 3 ether + 1)
        );
    }

    function test_refusesDisorderedCharges() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        (charges[0], charges[1]) = (charges[1], charges[0]);
        header.charges = exposed.hashCharges(charges);
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Batches.ChargesNotAscending.selector, charges[1].payer)
        );
    }

    function test_refusesAnOverchargedVoucher() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        charges[1] = charge(payerKeys[1], 2 ether, 2 ether - 1);
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Escrows.OverVoucher.selector, charges[1].payer, 2 ether, 2 ether - 1)
        );
    }

    function test_refusesPayoutsOverTheFees() public {
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        header.payoutRoot = promising(1, 3 ether + 1);
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Batches.PayoutOverFees.selector, 3 ether + 1, 3 ether)
        );
    }

    function test_finalisesInOrderAfterTheWindow() public {
        (BatchHeader memory first, Charge[] memory charges) = batch(1);
        VM.expectRevert(abi.encodeWithSelector(Batches.NotPosted.selector, 1));
        ledger.finalise(first);
        post(first, charges);
        uint64 finalAt = START + WINDOW;
        VM.warp(finalAt - 1);
        VM.expectRevert(abi.encodeWithSelector(Batches.WindowOpen.selector, 1, finalAt));
        ledger.finalise(first);
        (BatchHeader memory second,) = post(2);
        VM.warp(finalAt + WINDOW);
        VM.expectRevert(abi.encodeWithSelector(Batches.NotNextToFinalise.selector, 2, 1));
        ledger.finalise(second);
        ledger.finalise(first);
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 1));
        ledger.finalise(first);
        ledger.finalise(second);
        equal(address(payout).balance, 6 ether, "payout");
    }

    function test_finalisesSeveralAtOnce() public {
        BatchHeader[] memory headers = new BatchHeader[](2);
        (headers[0],) = post(1);
        (headers[1],) = post(2);
        VM.warp(START + WINDOW);
        (headers[0], headers[1]) = (headers[1], headers[0]);
        VM.expectRevert(abi.encodeWithSelector(Batches.NotNextToFinalise.selector, 2, 1));
        ledger.finaliseAll(headers);
        (headers[0], headers[1]) = (headers[1], headers[0]);
        ledger.finaliseAll(headers);
        equal(address(payout).balance, 6 ether, "payout");
        require(payout.root() == headers[1].payoutRoot, "root");
        equal(vault.member(validator(0)).lockedWei, 0, "bonds");
    }

    /// @dev More than 96 bits in two words of fees, which together say nothing: they must not reach into the payers.
    function test_refusesFeesThatReachIntoThePayer() public {
        uint256 dirt = 1 << 255;
        (BatchHeader memory header, Charge[] memory charges) = batch(1);
        header.charges = keccak256(
            abi.encode(
                uint256(uint160(charges[0].payer)) << 96 | 1 ether | dirt,
                uint256(uint160(charges[1].payer)) << 96 | 2 ether | dirt
            )
        );
        bytes memory data = abi.encodeCall(ledger.post, (header, endorsements(header, 3), charges));
        uint256 found = 0;
        for (uint256 at = 36; at <= data.length; at += 32) {
            assembly ("memory-safe") {
                let word := mload(add(data, at))
                if or(eq(word, 1000000000000000000), eq(word, 2000000000000000000)) {
                    mstore(add(data, at), or(word, dirt))
                    found := add(found, 1)
                }
            }
        }
        // The payouts' sum lies in a word with their hash, so these are the two fees.
        equal(found, 2, "fees");
        asPoster();
        (bool taken,) = address(ledger).call(data);
        require(!taken, "taken");
    }

    function test_finalisesTheBatchOfThatHeaderOnly() public {
        (BatchHeader memory header,) = post(1);
        bytes24 expected = bytes24(exposed.hashHeader(header));
        header.payoutRoot = promising(7, 3 ether);
        VM.warp(START + WINDOW);
        VM.expectRevert(abi.encodeWithSelector(Batches.WrongHeader.selector, 1, exposed.hashHeader(header), expected));
        ledger.finalise(header);
    }

    function test_takesABatchWithoutFees() public {
        BatchHeader memory header = headerFor(1, 0, new Charge[](0));
        post(header, 2, new Charge[](0));
        VM.warp(START + WINDOW);
        ledger.finalise(header);
    }

    function test_takesMoneyFromTheEscrowOnly() public {
        (bool taken,) = address(ledger).call{value: 1 ether}("");
        require(!taken, "the ledger took money it will not give back");
    }

    function test_refusesToBeWiredToContractsThatServeAnother() public {
        bytes memory refusal =
            abi.encodeWithSelector(ResultLedger.WiredElsewhere.selector, address(escrow), address(payout));
        _refuseToBeBorn(abi.encode(rules, vault, escrow, payout, disputes, jury, STRICTNESS), refusal);
    }

    function _refuseToBeBorn(bytes memory arguments, bytes memory refusal) private {
        string memory json = VM.readFile("contracts/gen/bytecode.json");
        bytes memory code = bytes.concat(VM.parseJsonBytes(json, ".ResultLedger"), arguments);
        address deployed;
        bytes memory answer;
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
            answer := mload(0x40)
            mstore(answer, returndatasize())
            returndatacopy(add(answer, 32), 0, returndatasize())
            mstore(0x40, add(answer, add(32, returndatasize())))
        }
        require(deployed == address(0) && keccak256(answer) == keccak256(refusal), "born");
    }

    function _refuse(
        BatchHeader memory header,
        Endorsement[] memory signed,
        Charge[] memory charges,
        bytes memory refusal
    ) private {
        VM.expectRevert(refusal);
        asPoster();
        ledger.post(header, signed, charges);
    }
}
