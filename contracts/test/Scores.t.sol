// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes, ShareProof, SumProof} from "../src/Disputes.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Evidence, Part} from "../src/libraries/Evidence.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {DisputeBase, Said} from "./support/DisputeBase.sol";
import {Rows} from "./support/Rows.sol";
import {Settled, placedOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice Scores that are not the dot products of what was committed.
contract ScoresTest is DisputeBase {
    function setUp() public {
        // No multiple of four, so that the last part is shorter.
        setUpDisputes(70);
    }

    function test_showsAFalseScoreOfEitherWidthInAnyPart() public {
        for (uint256 i = 0; i < 8; i++) {
            Said memory said = truth();
            said.parts[i / 4][i % 4] -= 1;
            Settled memory placed = settle(answer(10 + i, said));
            this.accuse(placed, said, i / 4, i % 4);
            requireFaulty(placed.header.number, "fault");
            takeBack(placed);
        }
    }

    function test_showsAFalseNumberOfRows() public {
        rows[1] = 4;
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        ShareProof memory claimed = shareProof(said, 1);
        rows[1] = 3;
        _accuse(placed, claimed, sumProof(1), 2, 1);
        requireFaulty(2, "fault");
    }

    /// @dev An answer whose row is of another length than those of the index.
    function test_showsARowThatDoesNotFit() public {
        bytes memory honest = query;
        query = bytes.concat(query, hex"0102");
        Said memory said;
        Settled memory placed = settle(answer(10, said));
        ShareProof memory claimed = shareProof(said, 1);
        Part memory part = Rows.part(query, 1, 3);
        query = honest;
        disputes.falseScore(placedOf(placed), claimed, sumProof(1), 3, part, Rows.part(vectors[1], 2, 3));
        requireFaulty(2, "fault");
    }

    function test_leavesARightScoreAlone() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        for (uint256 i = 0; i < 8; i++) {
            int256 product = said.parts[i / 4][i % 4];
            bytes memory refusal = abi.encodeWithSelector(Disputes.ScoreIsRight.selector, i % 4, product);
            _refuse(placed, said, i / 4, i % 4, refusal);
        }
    }

    /// @dev Its bits say another place than its number, which must not pass for one.
    function test_knowsFourPartsOnly() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        (Part memory one, Part memory other) = (Rows.part(query, 1, 1), Rows.part(vectors[0], 1, 1));
        (ShareProof memory claimed, SumProof memory summed) = (shareProof(said, 0), sumProof(0));
        VM.expectPartialRevert(bytes4(keccak256("Panic(uint256)")));
        disputes.falseScore(placedOf(placed), claimed, summed, 5, one, other);
    }

    function test_refusesAShareOfAnotherAnswer() public {
        Said memory said = truth();
        said.parts[0][0] += 1;
        settle(answer(10, said));
        Settled memory other = settle(answer(11, truth()));
        _refuse(other, said, 0, 0, abi.encodeWithSelector(Evidence.NotCommitted.selector, "share"));
    }

    function test_refusesARowOfAnotherAnswer() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        query[0] = ~query[0];
        _refuse(placed, said, 0, 0, abi.encodeWithSelector(Evidence.NotCommitted.selector, "share"));
    }

    function test_refusesAPartInAnothersPlace() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        (ShareProof memory claimed, SumProof memory summed) = (shareProof(said, 0), sumProof(0));
        (Part memory one, Part memory other) = (Rows.part(query, 1, 1), Rows.part(vectors[0], 1, 1));
        (Part memory right, Part memory zero) = (Rows.part(query, 1, 0), Rows.part(vectors[0], 1, 0));
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "share"));
        disputes.falseScore(placedOf(placed), claimed, summed, 0, one, zero);
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "index"));
        disputes.falseScore(placedOf(placed), claimed, summed, 0, right, other);
    }

    function test_refusesAnIndexOfAnotherAdapter() public {
        Said memory said = truth();
        Receipt memory receipt = answer(10, said);
        receipt.adapter = "bafyother";
        Settled memory placed = settle(receipt);
        bytes memory refusal = abi.encodeWithSelector(Evidence.NotCommitted.selector, "index");
        _refuse(placed, said, 0, 0, refusal);
        placed = settle(answer(11, said));
        _refuse(placed, said, 0, 0, abi.encodeWithSelector(Disputes.ScoreIsRight.selector, 0, said.parts[0][0]));
        // A sum of one's own making.
        vectors[0][0] = ~vectors[0][0];
        _refuse(placed, said, 0, 0, refusal);
    }

    function test_refusesTheSumOfAnother() public {
        Said memory said = truth();
        Settled memory placed = settle(answer(10, said));
        ShareProof memory claimed = shareProof(said, 0);
        SumProof memory summed = sumProof(1);
        (Part memory one, Part memory other) = (Rows.part(query, 1, 0), Rows.part(vectors[1], 2, 0));
        VM.expectRevert(abi.encodeWithSelector(Evidence.NotCommitted.selector, "index"));
        disputes.falseScore(placedOf(placed), claimed, summed, 0, one, other);
    }

    function test_refusesAReceiptThatIsNotInTheBatch() public {
        Said memory said = truth();
        said.parts[0][0] += 1;
        Settled memory placed = settle(answer(10, said));
        placed.receipt.units++;
        bytes32 jobId = placed.receipt.jobId;
        _refuse(placed, said, 0, 0, abi.encodeWithSelector(Evidence.NotInBatch.selector, jobId, 2, placed.index));
    }

    function test_refusesAHeaderThatWasNeverPosted() public {
        Said memory said = truth();
        said.parts[0][0] += 1;
        Settled memory placed = settle(answer(10, said));
        placed.header.data = "another";
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        this.accuse(placed, said, 0, 0);
    }

    function test_comesTooLateForAFinalBatch() public {
        Said memory said = truth();
        said.parts[0][0] += 1;
        Settled memory placed = settle(answer(10, said));
        passTime(WINDOW);
        ledger.finalise(placed.header);
        _refuse(placed, said, 0, 0, abi.encodeWithSelector(Batches.AlreadyFinal.selector, 2));
    }

    /// @dev This contract owns the proposer's stake, and accuses it: half of the bond is lost at least.
    function test_leavesNoGainToWhoAccusesItself() public {
        Said memory said = truth();
        said.parts[0][0] += 1;
        Settled memory placed = settle(answer(10, said));
        uint256 beforeWei = address(this).balance + vault.member(validator(0)).stakeWei;
        this.accuse(placed, said, 0, 0);
        takeBack(placed);
        uint256 afterWei = address(this).balance + vault.member(validator(0)).stakeWei;
        require(2 * (beforeWei - afterWei) >= BOND_WEI, "less than half is lost");
        equal(Purses.BURNED.balance, beforeWei - afterWei, "burned");
    }

    /// @dev From outside, so that a refusal is expected of the whole.
    function accuse(Settled memory placed, Said memory said, uint256 index, uint256 part) external {
        _accuse(placed, shareProof(said, index), sumProof(index), part, index);
    }

    function _accuse(
        Settled memory placed,
        ShareProof memory claimed,
        SumProof memory summed,
        uint256 part,
        uint256 index
    ) private {
        Part memory vector = Rows.part(vectors[index], index + 1, part);
        disputes.falseScore(placedOf(placed), claimed, summed, part, Rows.part(query, 1, part), vector);
    }

    function _refuse(Settled memory placed, Said memory said, uint256 index, uint256 part, bytes memory refusal)
        private
    {
        VM.expectRevert(refusal);
        this.accuse(placed, said, index, part);
    }
}
