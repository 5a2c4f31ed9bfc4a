// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Evidence} from "../src/libraries/Evidence.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {Fault, JUDGED, falseClaim} from "../src/types/Fault.sol";
import {Param} from "../src/types/Param.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {Claim, Vote} from "../src/types/Statement.sol";
import {DisputeBase} from "./support/DisputeBase.sol";
import {Settled, hashOf, placedOf} from "./support/Settled.sol";
import {VM} from "./support/Vm.sol";

/// @notice Two statements where there may be one, and signatures under what was false.
contract DisputesTest is DisputeBase {
    address private constant REPORTER = address(0xC0FFEE);

    function setUp() public {
        setUpDisputes(32);
    }

    function test_slashesAWorkerThatClaimsTwice() public {
        _claimTwice(_claim(1, "one"), _claim(1, "other"), WORKER_KEY);
        _requireSlashed(VM.addr(WORKER_KEY), Param.EquivocationSlashBps);
    }

    function test_slashesAValidatorThatVotesTwice() public {
        _voteTwice(_vote(1, "pass"), _vote(1, "fail"), validatorKeys[1]);
        _requireSlashed(validator(1), Param.EquivocationSlashBps);
    }

    /// @dev With the key that it has now, whatever it signed with.
    function test_slashesAWorkerThatHasAnotherKey() public {
        vault.rotate(VM.addr(WORKER_KEY), VM.addr(601), consent(601, address(this), 1, 0));
        _claimTwice(_claim(1, "one"), _claim(1, "other"), WORKER_KEY);
        _requireSlashed(VM.addr(601), Param.EquivocationSlashBps);
    }

    function test_refusesOneStatementShownTwice() public {
        Claim memory claim = _claim(1, "one");
        bytes32 hash = exposed.hashClaim(claim);
        _refuseClaims(claim, claim, WORKER_KEY, abi.encodeWithSelector(Disputes.NotContradicting.selector, hash, hash));
        Vote memory vote = _vote(1, "pass");
        hash = exposed.hashVote(vote);
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotContradicting.selector, hash, hash));
        this.voteTwice(vote, vote, validatorKeys[1]);
    }

    function test_refusesStatementsOfDifferentThings() public {
        Claim memory other = _claim(2, "other");
        VM.expectPartialRevert(Disputes.NotContradicting.selector);
        this.claimTwice(_claim(1, "one"), other, WORKER_KEY);
        other = _claim(1, "other");
        other.worker = validator(0);
        VM.expectPartialRevert(Disputes.NotContradicting.selector);
        this.claimTwice(_claim(1, "one"), other, WORKER_KEY);
        VM.expectPartialRevert(Disputes.NotContradicting.selector);
        this.voteTwice(_vote(1, "pass"), _vote(2, "fail"), validatorKeys[1]);
    }

    function test_refusesAnothersSignature() public {
        Claim memory one = _claim(1, "one");
        Claim memory other = _claim(1, "other");
        bytes memory refusal =
            abi.encodeWithSelector(Signatures.BadSignature.selector, validator(0), VM.addr(WORKER_KEY));
        _refuseClaims(one, other, validatorKeys[0], refusal);
        // The first is signed, the second is not.
        bytes memory signed = _signed(WORKER_KEY, exposed.hashClaim(one));
        bytes memory foreign = _signed(validatorKeys[0], exposed.hashClaim(other));
        VM.expectRevert(refusal);
        disputes.claimedTwice(one, signed, other, foreign);
    }

    function test_refusesTheOtherFormOfASignature() public {
        Claim memory one = _claim(1, "one");
        Claim memory other = _claim(1, "other");
        bytes memory first = _signed(WORKER_KEY, exposed.hashClaim(one));
        bytes memory second = withHighS(_signed(WORKER_KEY, exposed.hashClaim(other)));
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.claimedTwice(one, first, other, second);
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.claimedTwice(one, first, other, "");
    }

    /// @dev The zero address is nobody's: a signature that recovers to nothing is none of its.
    function test_refusesToBlameNobody() public {
        Claim memory one = _claim(1, "one");
        Claim memory other = _claim(1, "other");
        (one.worker, other.worker) = (address(0), address(0));
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.claimedTwice(one, new bytes(65), other, new bytes(65));
    }

    function test_refusesASignatureForAnotherLedger() public {
        Claim memory one = _claim(1, "one");
        Claim memory other = _claim(1, "other");
        bytes memory first = _signed(WORKER_KEY, exposed.hashClaim(one));
        bytes memory second = signature(WORKER_KEY, typed(address(0xBAD), exposed.hashClaim(other)));
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.claimedTwice(one, first, other, second);
    }

    function test_punishesOnce() public {
        _claimTwice(_claim(1, "one"), _claim(1, "other"), WORKER_KEY);
        bytes32 offence = keccak256(abi.encode("claim", VM.addr(WORKER_KEY), _claim(1, "").jobId));
        _refuseClaims(
            _claim(1, "one"),
            _claim(1, "a third"),
            WORKER_KEY,
            abi.encodeWithSelector(Disputes.AlreadyPunished.selector, offence)
        );
        _claimTwice(_claim(2, "one"), _claim(2, "other"), WORKER_KEY);
    }

    function test_slashesWhoEndorsedAFalseBatch() public {
        Settled memory placed = settle(receiptOf(10));
        bytes32 headerHash = hashOf(placed.header);
        bytes memory signed = _signed(validatorKeys[1], TypedData.hashEndorsement(validator(1), headerHash));
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotFalse.selector, headerHash));
        disputes.endorsedFalsely(headerHash, validator(1), signed);
        fault(placed.header, address(0));
        takeBack(placed);
        VM.deal(Purses.BURNED, 0);
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.endorsedFalsely(headerHash, validator(2), signed);
        VM.prank(REPORTER);
        disputes.endorsedFalsely(headerHash, validator(1), signed);
        _requireSlashed(validator(1), Param.EndorserSlashBps);
        VM.expectPartialRevert(Disputes.AlreadyPunished.selector);
        disputes.endorsedFalsely(headerHash, validator(1), signed);
    }

    function test_leavesEndorsersAloneForWhatOnlyAuditorsKnow() public {
        Settled memory placed = settle(receiptOf(10));
        bytes32 headerHash = hashOf(placed.header);
        bytes memory signed = _signed(validatorKeys[1], TypedData.hashEndorsement(validator(1), headerHash));
        fault(placed.header, falseClaim(placed.receipt.claim), address(0));
        takeBack(placed);
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotFalse.selector, headerHash));
        disputes.endorsedFalsely(headerHash, validator(1), signed);
    }

    function test_slashesWhoPassedAFalseClaim() public {
        Claim memory claim = _claim(1, "one");
        bytes32 digest = ledger.digestOf(exposed.hashClaim(claim));
        bytes32 headerHash = _foundFalse(falseClaim(digest));
        Vote memory vote = _voteOn(digest, "pass");
        bytes memory signed = _signed(validatorKeys[1], exposed.hashVote(vote));
        bytes memory anothers = _signed(validatorKeys[0], exposed.hashVote(vote));
        VM.expectPartialRevert(Signatures.BadSignature.selector);
        disputes.passedFalsely(headerHash, vote, anothers);
        VM.deal(Purses.BURNED, 0);
        VM.prank(REPORTER);
        disputes.passedFalsely(headerHash, vote, signed);
        _requireSlashed(validator(1), Param.EndorserSlashBps);
        VM.expectPartialRevert(Disputes.AlreadyPunished.selector);
        disputes.passedFalsely(headerHash, vote, signed);
    }

    function test_leavesWhoFailedAFalseClaimOrPassedAnotherAlone() public {
        bytes32 digest = ledger.digestOf(exposed.hashClaim(_claim(1, "one")));
        bytes32 headerHash = _foundFalse(falseClaim(digest));
        _refusePass(headerHash, _voteOn(digest, "fail"));
        _refusePass(headerHash, _voteOn(keccak256("another"), "pass"));
    }

    function test_leavesThoseAJuryJudgedAlone() public {
        bytes32 digest = ledger.digestOf(exposed.hashClaim(_claim(1, "one")));
        bytes32 headerHash = _foundFalse(JUDGED);
        _refusePass(headerHash, _voteOn(digest, "pass"));
    }

    function test_slashesWhoMadeAFalseClaim() public {
        Claim memory claim = _claim(1, "one");
        bytes32 hash = exposed.hashClaim(claim);
        bytes32 headerHash = _foundFalse(falseClaim(ledger.digestOf(hash)));
        bytes memory signed = _signed(WORKER_KEY, hash);
        VM.deal(Purses.BURNED, 0);
        VM.prank(REPORTER);
        disputes.claimedFalsely(headerHash, claim, signed);
        _requireSlashed(VM.addr(WORKER_KEY), Param.EndorserSlashBps);
        VM.expectPartialRevert(Disputes.AlreadyPunished.selector);
        disputes.claimedFalsely(headerHash, claim, signed);
        claim = _claim(1, "other");
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotFalse.selector, headerHash));
        disputes.claimedFalsely(headerHash, claim, signed);
    }

    /// @dev A batch that was taken back because of this.
    function _foundFalse(Fault found) private returns (bytes32 headerHash) {
        Settled memory placed = settle(receiptOf(10));
        fault(placed.header, found, address(0));
        takeBack(placed);
        return hashOf(placed.header);
    }

    function _refusePass(bytes32 headerHash, Vote memory vote) private {
        bytes memory signed = _signed(validatorKeys[1], exposed.hashVote(vote));
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotFalse.selector, headerHash));
        disputes.passedFalsely(headerHash, vote, signed);
    }

    function test_leavesWhoEndorsedABatchBehindAFalseOneAlone() public {
        Settled memory one = settle(receiptOf(10));
        Settled memory behind = settle(receiptOf(11));
        fault(one.header, address(0));
        takeBack(behind);
        takeBack(one);
        bytes32 headerHash = hashOf(behind.header);
        bytes memory signed = _signed(validatorKeys[1], TypedData.hashEndorsement(validator(1), headerHash));
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotFalse.selector, headerHash));
        disputes.endorsedFalsely(headerHash, validator(1), signed);
    }

    function test_showsAJobThatWasSettledTwice() public {
        Settled memory earlier = settle(receiptOf(10));
        Settled memory later = settle(receiptOf(10));
        VM.expectPartialRevert(Disputes.NotTwice.selector);
        disputes.settledTwice(placedOf(later), placedOf(earlier));
        VM.expectPartialRevert(Disputes.NotTwice.selector);
        disputes.settledTwice(placedOf(later), placedOf(later));
        passTime(WINDOW);
        ledger.finalise(earlier.header);
        disputes.settledTwice(placedOf(earlier), placedOf(later));
        requireFaulty(3, "fault");
    }

    function test_showsAJobThatStandsTwiceInOneBatch() public {
        Receipt[] memory receipts = new Receipt[](2);
        (receipts[0], receipts[1]) = (receiptOf(10), receiptOf(10));
        receipts[1].units = 7;
        Settled[] memory placed = settle(receipts);
        disputes.settledTwice(placedOf(placed[0]), placedOf(placed[1]));
        requireFaulty(2, "fault");
    }

    function test_refusesTwoJobsAndBatchesThatAreGone() public {
        Settled memory one = settle(receiptOf(10));
        Settled memory other = settle(receiptOf(11));
        VM.expectRevert(abi.encodeWithSelector(Disputes.NotTwice.selector, one.receipt.jobId, other.receipt.jobId));
        disputes.settledTwice(placedOf(one), placedOf(other));
        // The earlier one was taken back, so the job stands once.
        fault(one.header, address(0));
        takeBack(other);
        takeBack(one);
        settle(receiptOf(12));
        Settled memory again = settle(receiptOf(10));
        VM.expectPartialRevert(Batches.WrongHeader.selector);
        disputes.settledTwice(placedOf(one), placedOf(again));
        passTime(WINDOW);
        ledger.finalise(headerOf[2]);
        ledger.finalise(again.header);
        Settled memory second = settle(receiptOf(10));
        passTime(WINDOW);
        ledger.finalise(second.header);
        VM.expectRevert(abi.encodeWithSelector(Batches.AlreadyFinal.selector, 4));
        disputes.settledTwice(placedOf(again), placedOf(second));
        again.siblings[0] = ~again.siblings[0];
        VM.expectPartialRevert(Evidence.NotInBatch.selector);
        disputes.settledTwice(placedOf(again), placedOf(second));
    }

    function claimTwice(Claim memory one, Claim memory other, uint256 key) external {
        _claimTwice(one, other, key);
    }

    function voteTwice(Vote memory one, Vote memory other, uint256 key) external {
        _voteTwice(one, other, key);
    }

    function _claimTwice(Claim memory one, Claim memory other, uint256 key) private {
        bytes memory first = _signed(key, exposed.hashClaim(one));
        bytes memory second = _signed(key, exposed.hashClaim(other));
        VM.prank(REPORTER);
        disputes.claimedTwice(one, first, other, second);
    }

    function _voteTwice(Vote memory one, Vote memory other, uint256 key) private {
        bytes memory first = _signed(key, exposed.hashVote(one));
        bytes memory second = _signed(key, exposed.hashVote(other));
        VM.prank(REPORTER);
        disputes.votedTwice(one, first, other, second);
    }

    function _refuseClaims(Claim memory one, Claim memory other, uint256 key, bytes memory refusal) private {
        VM.expectRevert(refusal);
        this.claimTwice(one, other, key);
    }

    function _requireSlashed(address node, Param param) private view {
        uint256 takenWei = STAKE_WEI * rules.valueAt(param, rules.epoch()) / 10_000;
        equal(vault.member(node).stakeWei, STAKE_WEI - takenWei, "stake");
        equal(REPORTER.balance, takenWei * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000, "reporter");
        equal(Purses.BURNED.balance, takenWei - REPORTER.balance, "burned");
    }

    function _claim(uint256 job, string memory output) private pure returns (Claim memory claim) {
        claim.jobId = keccak256(abi.encode("job", job));
        claim.worker = VM.addr(WORKER_KEY);
        claim.output = output;
        claim.issuedAtMs = 7;
    }

    function _vote(uint256 claim, string memory verdict) private view returns (Vote memory vote) {
        return _voteOn(keccak256(abi.encode("claim", claim)), verdict);
    }

    function _voteOn(bytes32 claim, string memory verdict) private view returns (Vote memory vote) {
        vote.claim = claim;
        vote.validator = validator(1);
        vote.verdict = verdict;
    }

    function _signed(uint256 key, bytes32 hash) private view returns (bytes memory) {
        return signature(key, typed(address(ledger), hash));
    }
}
