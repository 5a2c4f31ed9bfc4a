// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeEscrow} from "../src/FeeEscrow.sol";
import {Payout} from "../src/Payout.sol";
import {ResultLedger} from "../src/ResultLedger.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {Batch, Batches} from "../src/libraries/Batches.sol";
import {Escrows} from "../src/libraries/Escrows.sol";
import {Stakes} from "../src/libraries/Stakes.sol";
import {BatchHeader, Charge, Endorsement} from "../src/types/Batch.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

contract ResultLedgerTest is Base {
    /// Ascending by address: `setUp` sorts them.
    uint256[] private _payerKeys = [501, 502];

    function setUp() public {
        deploySystem();
        VM.deal(address(this), 1000 ether);
        stakeValidators(3, 10 ether);
        if (VM.addr(_payerKeys[0]) > VM.addr(_payerKeys[1])) _payerKeys = [502, 501];
        escrow.deposit{value: 100 ether}(VM.addr(_payerKeys[0]));
        escrow.deposit{value: 100 ether}(VM.addr(_payerKeys[1]));
    }

    function test_postsCollectsAndFinalises() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        ledger.post(header, endorsements(header, 2), charges);
        equal(address(ledger).balance, 3 ether, "custody");
        Batch memory kept = ledger.batchOf(1);
        equal(kept.finalAt, block.timestamp + WINDOW, "finalAt");
        VM.expectRevert(abi.encodeWithSelector(Batches.NotFinal.selector, 1));
        ledger.finalReceipts(1);
        VM.warp(kept.finalAt);
        ledger.finalise(1);
        equal(address(ledger).balance, 0, "custody after");
        equal(address(payout).balance, 3 ether, "payout");
        (bytes32 root, uint32 count) = ledger.finalReceipts(1);
        require(root == header.receiptsRoot && count == header.receiptCount, "receipts");
        (bytes32 payoutRoot,, uint256 totalWei) = payout.current();
        require(payoutRoot == header.payoutRoot && totalWei == header.payoutWei, "payouts");
    }

    function test_refusesASecondPostForLittle() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        ledger.post(header, signed, charges);
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

    function test_refusesGapsInTheNumbers() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(2);
        _refuse(header, endorsements(header, 3), charges, abi.encodeWithSelector(Batches.NumberGap.selector, 2, 1));
        header.number = 0;
        _refuse(header, endorsements(header, 3), charges, abi.encodeWithSelector(Batches.AlreadyPosted.selector, 0));
    }

    function test_refusesLessThanTwoThirds() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
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
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        _refuse(header, new Endorsement[](0), charges, abi.encodeWithSelector(ResultLedger.NoQuorum.selector, 0, 0));
    }

    function test_refusesDuplicateAndDisorderedSigners() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
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
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
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
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
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
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        signed[2].signature = signed[1].signature;
        _refuse(
            header,
            signed,
            charges,
            abi.encodeWithSelector(ResultLedger.BadEndorsement.selector, VM.addr(validatorKeys[2]))
        );
    }

    function test_refusesChargesThatAreNotTheHeaders() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        Endorsement[] memory signed = endorsements(header, 3);
        bytes32 expected = header.charges;
        charges[0].feeWei += 1;
        bytes32 given = exposed.hashCharges(charges);
        _refuse(header, signed, charges, abi.encodeWithSelector(Batches.WrongCharges.selector, given, expected));
    }

    function test_refusesChargesThatDoNotAddUp() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        header.feeWei += 1;
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Batches.WrongFee.selector, 3 ether, 3 ether + 1)
        );
    }

    function test_refusesDisorderedCharges() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
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
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        charges[1] = charge(_payerKeys[1], 2 ether, 2 ether - 1);
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Escrows.OverVoucher.selector, charges[1].payer, 2 ether, 2 ether - 1)
        );
    }

    function test_refusesPayoutsOverTheFees() public {
        (BatchHeader memory header, Charge[] memory charges) = _batch(1);
        header.payoutWei = 3 ether + 1;
        _refuse(
            header,
            endorsements(header, 3),
            charges,
            abi.encodeWithSelector(Batches.PayoutOverFees.selector, 3 ether + 1, 3 ether)
        );
    }

    function test_refusesPayoutsThatShrink() public {
        (BatchHeader memory first, Charge[] memory charges) = _batch(1);
        ledger.post(first, endorsements(first, 3), charges);
        (BatchHeader memory second, Charge[] memory more) = _batch(2);
        second.payoutWei = 1 ether;
        _refuse(
            second,
            endorsements(second, 3),
            more,
            abi.encodeWithSelector(Batches.PayoutShrank.selector, 1 ether, 2 ether)
        );
        second.payoutWei = 6 ether;
        ledger.post(second, endorsements(second, 3), more);
    }

    function test_finalisesInOrderAfterTheWindow() public {
        VM.expectRevert(abi.encodeWithSelector(Batches.NotPosted.selector, 1));
        ledger.finalise(1);
        _post(1);
        uint64 finalAt = uint64(block.timestamp) + WINDOW;
        VM.warp(finalAt - 1);
        VM.expectRevert(abi.encodeWithSelector(Batches.WindowOpen.selector, 1, finalAt));
        ledger.finalise(1);
        _post(2);
        VM.warp(finalAt + WINDOW);
        VM.expectRevert(abi.encodeWithSelector(Batches.NotNextToFinalise.selector, 2, 1));
        ledger.finalise(2);
        ledger.finalise(1);
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 1));
        ledger.finalise(1);
        ledger.finalise(2);
        equal(address(payout).balance, 6 ether, "payout");
    }

    function test_takesABatchWithoutFees() public {
        BatchHeader memory header;
        header.number = 1;
        header.charges = keccak256("");
        ledger.post(header, endorsements(header, 2), new Charge[](0));
        VM.warp(block.timestamp + WINDOW);
        ledger.finalise(1);
    }

    function test_takesMoneyFromTheEscrowOnly() public {
        (bool taken,) = address(ledger).call{value: 1 ether}("");
        require(!taken, "the ledger took money it will not give back");
    }

    function test_refusesToBeWiredToContractsThatServeAnother() public {
        bytes memory refusal =
            abi.encodeWithSelector(ResultLedger.WiredElsewhere.selector, address(escrow), address(payout));
        _refuseToBeBorn(abi.encode(vault, escrow, payout, WINDOW), refusal);
    }

    function test_refusesAWindowThatStakeCouldFlee() public {
        address predicted = VM.computeCreateAddress(address(this), VM.getNonce(address(this)) + 2);
        address ownEscrow = create("FeeEscrow", abi.encode(predicted, EXIT_DELAY));
        address ownPayout = create("Payout", abi.encode(predicted));
        bytes memory refusal = abi.encodeWithSelector(ResultLedger.ExitBeforeWindow.selector, EXIT_DELAY, EXIT_DELAY);
        _refuseToBeBorn(abi.encode(vault, ownEscrow, ownPayout, EXIT_DELAY), refusal);
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

    /// @dev 1 and 2 OPEN by the two payers; one OPEN less is promised, for rounding may leave some.
    function _batch(uint64 number) private view returns (BatchHeader memory header, Charge[] memory charges) {
        charges = new Charge[](2);
        charges[0] = charge(_payerKeys[0], 1 ether, 1 ether * number);
        charges[1] = charge(_payerKeys[1], 2 ether, 2 ether * number);
        header = BatchHeader({
            number: number,
            receiptsRoot: keccak256(abi.encode("receipts", number)),
            receiptCount: 10,
            feeWei: 3 ether,
            charges: exposed.hashCharges(charges),
            payoutRoot: keccak256(abi.encode("payouts", number)),
            payoutCount: 4,
            payoutWei: number * 3 ether - 1 ether,
            data: "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
        });
    }

    function _post(uint64 number) private {
        (BatchHeader memory header, Charge[] memory charges) = _batch(number);
        ledger.post(header, endorsements(header, 3), charges);
    }

    function _refuse(
        BatchHeader memory header,
        Endorsement[] memory signed,
        Charge[] memory charges,
        bytes memory refusal
    ) private {
        VM.expectRevert(refusal);
        ledger.post(header, signed, charges);
    }
}
