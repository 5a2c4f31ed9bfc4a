// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DatanetRegistry} from "../src/DatanetRegistry.sol";
import {Bonds} from "../src/libraries/Bonds.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Review, Reviews, Verdict} from "../src/libraries/Reviews.sol";
import {Contribution} from "../src/types/Contribution.sol";
import {Param} from "../src/types/Param.sol";
import {Receiver} from "./support/Receivers.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {MockVault} from "./support/RegistryMocks.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

contract ReviewTest is RegistryBase {
    address private constant ALICE = address(0xA11CE);
    address private constant FLAGGER = address(0xF1A6);
    bytes32 private constant SALT = keccak256("salt");

    Contribution[] private _list;
    uint256 private _datanetId;

    function setUp() public {
        deployRegistries();
        for (uint256 i = 0; i < 5; i++) {
            _list.push(contributionOf(i < 3 ? ALICE : address(0xB0B), i));
        }
        _datanetId = publish(_list);
        for (uint256 i = 1; i <= 3; i++) {
            stakes.setStake(address(uint160(i)), 10 ether);
        }
        VM.deal(ALICE, 100 ether);
        VM.deal(FLAGGER, 100 ether);
        VM.prank(ALICE);
        datanets.bond{value: 5 ether}(_datanetId);
    }

    function test_spamCostsItsContributor() public {
        uint256 reviewId = _judged(0, 2, 0);
        datanets.close(reviewId);
        // Six tenths of the bond; of that, three tenths for the reporter.
        equal(datanets.bondOf(_datanetId, ALICE).amountWei, 2 ether, "bond");
        equal(datanets.owedWei(FLAGGER), BOND + 0.9 ether, "flagger");
        equal(Purses.BURNED.balance, 2.1 ether, "burned");
        equal(datanets.spamCount(ALICE), 1, "count");
        equal(datanets.scoreBps(ALICE), 5000, "score");
        equal(uint256(datanets.review(reviewId).verdict), uint256(Verdict.Spam), "verdict");
        _isSolvent(2 ether);
    }

    function test_aWrongFlagCostsItsFlagger() public {
        uint256 reviewId = _judged(0, 0, 2);
        datanets.close(reviewId);
        equal(datanets.bondOf(_datanetId, ALICE).amountWei, 5 ether, "bond");
        equal(datanets.owedWei(ALICE), BOND / 2, "contributor");
        equal(datanets.owedWei(FLAGGER), 0, "flagger");
        equal(Purses.BURNED.balance, BOND / 2, "burned");
        equal(datanets.scoreBps(ALICE), 10_000, "score");
    }

    function test_withoutAVerdictAllGoesBack() public {
        _comesBack(_judged(0, 0, 0));
        uint256 second = _judged(0, 1, 1);
        _comesBack(second);
        // Twice is enough: a bond is not held for ever by flags that cost nothing.
        _refuseFlag(0, abi.encodeWithSelector(Reviews.AlreadyFlagged.selector, second, Verdict.Undecided));
    }

    function test_aFewDoNotDecide() public {
        stakes.setStake(address(4), 100 ether);
        _comesBack(_judged(0, 3, 0));
    }

    function test_aThirdDecides() public {
        uint256 reviewId = _judged(0, 1, 0);
        datanets.close(reviewId);
        equal(uint256(datanets.review(reviewId).verdict), uint256(Verdict.Spam), "verdict");
    }

    function test_judgesAContributionOnce() public {
        uint256 reviewId = _judged(0, 0, 2);
        _refuseFlag(0, abi.encodeWithSelector(Reviews.AlreadyFlagged.selector, reviewId, Verdict.Open));
        datanets.close(reviewId);
        _refuseFlag(0, abi.encodeWithSelector(Reviews.AlreadyFlagged.selector, reviewId, Verdict.Clean));
        // The next version has the same contribution in another place.
        Contribution[] memory next = new Contribution[](1);
        next[0] = _list[0];
        datanets.publish(_datanetId, versionOf(Trees.root(leavesOf(next)), 1));
        VM.prank(FLAGGER);
        VM.expectRevert(abi.encodeWithSelector(Reviews.AlreadyFlagged.selector, reviewId, Verdict.Clean));
        datanets.flag{value: BOND}(_datanetId, 2, _list[0], 0, new bytes32[](0));
    }

    function test_tellsWhatWasJudged() public {
        datanets.close(_judged(0, 2, 0));
        datanets.close(_judged(1, 0, 2));
        _flag(2);
        Verdict[] memory verdicts = datanets.verdictsOf(_datanetId, leavesOf(_list));
        Verdict[5] memory expected = [Verdict.Spam, Verdict.Clean, Verdict.Open, Verdict.None, Verdict.None];
        equal(verdicts.length, 5, "length");
        for (uint256 i = 0; i < 5; i++) {
            equal(uint256(verdicts[i]), uint256(expected[i]), "verdict");
        }
        equal(uint256(datanets.verdictsOf(_datanetId + 1, leavesOf(_list))[0]), uint256(Verdict.None), "elsewhere");
    }

    function test_takesOnlyWhatIsLeftForTheSecondFinding() public {
        uint256 first = _flag(0);
        uint256 second = _flag(1);
        _vote(first, 2, 0);
        _vote(second, 2, 0);
        _reveal(first, 2, 0);
        _reveal(second, 2, 0);
        VM.warp(block.timestamp + REVIEW);
        datanets.close(first);
        datanets.close(second);
        equal(datanets.bondOf(_datanetId, ALICE).amountWei, 0.8 ether, "bond");
        equal(datanets.scoreBps(ALICE), 2500, "score");
        _isSolvent(0.8 ether);
    }

    function test_flagsOneWhoPutNothingDown() public {
        datanets.close(_judged(3, 2, 0));
        equal(datanets.owedWei(FLAGGER), BOND, "no reward without a bond");
        equal(datanets.scoreBps(address(0xB0B)), 5000, "score");
    }

    function test_refusesFlagsWithoutProof() public {
        bytes32[] memory leaves = leavesOf(_list);
        Contribution memory forged = _list[0];
        forged.textHash = keccak256("other text");
        _refuseProof(1, forged, 0, Trees.proof(leaves, 0));
        _refuseProof(1, _list[0], 1, Trees.proof(leaves, 0));
        _refuseProof(1, _list[0], 0, Trees.proof(leaves, 1));
        _refuseProof(2, _list[0], 0, Trees.proof(leaves, 0));
        _refuseProof(1, _list[0], 5, Trees.proof(leaves, 0));
        _refuseProof(1, _list[0], 0, new bytes32[](0));
    }

    /// @notice A leaf's bytes are 32, as are a node's halves; what tells them apart is the prefix.
    function test_refusesALeafPassedOffAsANode() public {
        Contribution[] memory two = new Contribution[](2);
        (two[0], two[1]) = (_list[0], _list[1]);
        bytes32[] memory leaves = leavesOf(two);
        // A version that says it has one contribution, its root made of two: no leaf hashes to a node.
        datanets.publish(_datanetId, versionOf(Trees.root(leaves), 1));
        VM.prank(FLAGGER);
        VM.expectRevert(abi.encodeWithSelector(DatanetRegistry.BadContribution.selector, _datanetId, 2, 0));
        datanets.flag{value: BOND}(_datanetId, 2, two[0], 0, new bytes32[](0));
        // And a root that is a bare leaf, without the leaf's prefix, holds nothing.
        datanets.publish(_datanetId, versionOf(leaves[0], 1));
        VM.prank(FLAGGER);
        VM.expectRevert(abi.encodeWithSelector(DatanetRegistry.BadContribution.selector, _datanetId, 3, 0));
        datanets.flag{value: BOND}(_datanetId, 3, two[0], 0, new bytes32[](0));
    }

    function test_asksForTheExactBond() public {
        bytes32[] memory siblings = Trees.proof(leavesOf(_list), 0);
        for (uint256 sentWei = BOND - 1; sentWei <= BOND + 1; sentWei += 2) {
            VM.prank(FLAGGER);
            VM.expectRevert(abi.encodeWithSelector(DatanetRegistry.WrongFlagBond.selector, sentWei, BOND));
            datanets.flag{value: sentWei}(_datanetId, 1, _list[0], 0, siblings);
        }
    }

    function test_takesVotesInTheirTimeOnly() public {
        uint256 reviewId = _flag(0);
        Review memory known = datanets.review(reviewId);
        bytes32 seal = _seal(reviewId, 1, true);
        VM.expectRevert(abi.encodeWithSelector(Reviews.TooEarly.selector, reviewId, known.revealUntil));
        datanets.close(reviewId);
        VM.prank(address(1));
        VM.expectRevert(abi.encodeWithSelector(Reviews.TooEarly.selector, reviewId, known.commitUntil));
        datanets.revealVote(reviewId, true, SALT);
        VM.prank(address(1));
        datanets.commitVote(reviewId, seal);
        VM.warp(known.commitUntil);
        VM.prank(address(2));
        VM.expectRevert(abi.encodeWithSelector(Reviews.TooLate.selector, reviewId, known.commitUntil));
        datanets.commitVote(reviewId, seal);
        VM.warp(known.revealUntil);
        VM.prank(address(1));
        VM.expectRevert(abi.encodeWithSelector(Reviews.TooLate.selector, reviewId, known.revealUntil));
        datanets.revealVote(reviewId, true, SALT);
        datanets.close(reviewId);
        VM.expectRevert(abi.encodeWithSelector(Reviews.NotOpen.selector, reviewId));
        datanets.close(reviewId);
        VM.expectRevert(abi.encodeWithSelector(Reviews.NotOpen.selector, 99));
        datanets.close(99);
    }

    function test_takesOneVoteAValidator() public {
        uint256 reviewId = _flag(0);
        bytes32 seal = _seal(reviewId, 1, true);
        VM.prank(address(9));
        VM.expectRevert(abi.encodeWithSelector(MockVault.NotActiveValidator.selector, address(9)));
        datanets.commitVote(reviewId, seal);
        VM.prank(address(1));
        VM.expectRevert(abi.encodeWithSelector(Reviews.NoSeal.selector, reviewId));
        datanets.commitVote(reviewId, 0);
        VM.prank(address(1));
        datanets.commitVote(reviewId, seal);
        VM.prank(address(1));
        VM.expectRevert(abi.encodeWithSelector(Reviews.AlreadyCommitted.selector, reviewId, address(1)));
        datanets.commitVote(reviewId, seal);
        // The second copies the first's seal, and can't open it.
        VM.prank(address(2));
        datanets.commitVote(reviewId, seal);
        VM.warp(datanets.review(reviewId).commitUntil);
        _refuseReveal(reviewId, 2, true, SALT);
        _refuseReveal(reviewId, 1, false, SALT);
        _refuseReveal(reviewId, 1, true, 0);
        VM.prank(address(1));
        datanets.revealVote(reviewId, true, SALT);
        _refuseReveal(reviewId, 1, true, SALT);
        equal(datanets.review(reviewId).spamWei, 10 ether, "counted once");
    }

    /// @dev What has left a validator may vote under another name.
    function test_countsWhatAValidatorHasHadAllTheTime() public {
        uint256 reviewId = _flag(0);
        _vote(reviewId, 3, 0);
        stakes.setStake(address(1), 4 ether);
        stakes.setStake(address(2), 40 ether);
        stakes.setStake(address(3), 0);
        _reveal(reviewId, 2, 0);
        equal(datanets.review(reviewId).spamWei, 14 ether, "weight");
        VM.prank(address(3));
        VM.expectRevert(abi.encodeWithSelector(MockVault.NotActiveValidator.selector, address(3)));
        datanets.revealVote(reviewId, true, SALT);
    }

    function test_aBondStaysWhileItIsUnderReview() public {
        VM.prank(ALICE);
        datanets.requestBondExit(_datanetId);
        uint256 reviewId = _flag(0);
        VM.warp(block.timestamp + 2 * REVIEW);
        uint64 exitAt = datanets.bondOf(_datanetId, ALICE).exitAt;
        VM.prank(ALICE);
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondLocked.selector, _datanetId, ALICE, exitAt, 1));
        datanets.withdrawBond(_datanetId);
        datanets.close(reviewId);
        exitAt = uint64(block.timestamp) + REVIEW;
        VM.prank(ALICE);
        VM.expectRevert(abi.encodeWithSelector(Bonds.BondLocked.selector, _datanetId, ALICE, exitAt, 0));
        datanets.withdrawBond(_datanetId);
        VM.warp(exitAt);
        VM.prank(ALICE);
        datanets.withdrawBond(_datanetId);
        equal(ALICE.balance, 100 ether, "all is back");
    }

    /// @notice Who flags its own data, with all validators on its side, loses half of what it puts at stake.
    function testFuzz_nobodyGainsByFlaggingItself(uint96 bondWei, uint16 slashBps, uint16 reporterBps, bool spam)
        public
    {
        uint256 extraWei = bondWei % 50 ether;
        params.set(Param.ReviewSlashBps, slashBps);
        params.set(Param.ReporterBps, reporterBps);
        VM.prank(ALICE);
        datanets.bond{value: extraWei}(_datanetId);
        uint256 beforeWei = ALICE.balance + datanets.bondOf(_datanetId, ALICE).amountWei;
        bytes32[] memory siblings = Trees.proof(leavesOf(_list), 0);
        VM.prank(ALICE);
        uint256 reviewId = datanets.flag{value: BOND}(_datanetId, 1, _list[0], 0, siblings);
        _vote(reviewId, spam ? 3 : 0, spam ? 0 : 3);
        _reveal(reviewId, spam ? 3 : 0, spam ? 0 : 3);
        VM.warp(datanets.review(reviewId).revealUntil);
        uint256 atStakeWei = spam ? datanets.bondOf(_datanetId, ALICE).amountWei : BOND;
        datanets.close(reviewId);
        uint256 bondedWei = datanets.bondOf(_datanetId, ALICE).amountWei;
        uint256 afterWei = ALICE.balance + bondedWei + datanets.owedWei(ALICE);
        uint256 lostWei = spam ? atStakeWei - bondedWei : BOND;
        require(beforeWei - afterWei >= lostWei / 2, "half is burned");
        equal(Purses.BURNED.balance, beforeWei - afterWei, "burned");
        _isSolvent(bondedWei);
    }

    function test_aReceiverThatRefusesStopsNobodyElse() public {
        Receiver flagger = new Receiver();
        flagger.refuse(true);
        bytes32[] memory siblings = Trees.proof(leavesOf(_list), 0);
        VM.deal(address(flagger), BOND);
        bytes memory flag = abi.encodeCall(datanets.flag, (_datanetId, 1, _list[0], 0, siblings));
        flagger.act(address(datanets), BOND, flag);
        VM.warp(block.timestamp + REVIEW);
        datanets.close(1);
        bytes memory take = abi.encodeCall(datanets.withdraw, ());
        VM.expectRevert(abi.encodeWithSelector(Receiver.Refused.selector));
        flagger.act(address(datanets), 0, take);
        equal(datanets.owedWei(address(flagger)), BOND, "still owed");
        flagger.refuse(false);
        flagger.reenter(address(datanets), take);
        flagger.act(address(datanets), 0, take);
        equal(flagger.reentered(), 0, "entered again");
        equal(address(flagger).balance, BOND, "paid once");
        VM.expectRevert(abi.encodeWithSelector(DatanetRegistry.NothingOwed.selector, address(flagger)));
        flagger.act(address(datanets), 0, take);
    }

    function _comesBack(uint256 reviewId) private {
        datanets.close(reviewId);
        equal(uint256(datanets.review(reviewId).verdict), uint256(Verdict.Undecided), "verdict");
        equal(datanets.owedWei(FLAGGER), BOND, "flagger");
        equal(datanets.bondOf(_datanetId, ALICE).amountWei, 5 ether, "bond");
        equal(datanets.scoreBps(ALICE), 10_000, "score");
        equal(Purses.BURNED.balance, 0, "burned");
        VM.prank(FLAGGER);
        datanets.withdraw();
    }

    /// @dev A review whose time is over, with so many votes each way.
    function _judged(uint256 index, uint256 spam, uint256 clean) private returns (uint256 reviewId) {
        reviewId = _flag(index);
        _vote(reviewId, spam, clean);
        _reveal(reviewId, spam, clean);
        VM.warp(datanets.review(reviewId).revealUntil);
    }

    function _flag(uint256 index) private returns (uint256) {
        bytes32[] memory siblings = Trees.proof(leavesOf(_list), index);
        VM.prank(FLAGGER);
        return datanets.flag{value: BOND}(_datanetId, 1, _list[index], index, siblings);
    }

    function _vote(uint256 reviewId, uint256 spam, uint256 clean) private {
        for (uint256 i = 1; i <= spam + clean; i++) {
            bytes32 seal = _seal(reviewId, i, i <= spam);
            VM.prank(address(uint160(i)));
            datanets.commitVote(reviewId, seal);
        }
    }

    function _reveal(uint256 reviewId, uint256 spam, uint256 clean) private {
        VM.warp(datanets.review(reviewId).commitUntil);
        for (uint256 i = 1; i <= spam + clean; i++) {
            VM.prank(address(uint160(i)));
            datanets.revealVote(reviewId, i <= spam, SALT);
        }
    }

    function _seal(uint256 reviewId, uint256 validator, bool spam) private pure returns (bytes32) {
        return keccak256(abi.encode(reviewId, address(uint160(validator)), spam, SALT));
    }

    function _refuseReveal(uint256 reviewId, uint256 validator, bool spam, bytes32 salt) private {
        address who = address(uint160(validator));
        VM.prank(who);
        VM.expectRevert(abi.encodeWithSelector(Reviews.BadReveal.selector, reviewId, who));
        datanets.revealVote(reviewId, spam, salt);
    }

    function _refuseFlag(uint256 index, bytes memory refusal) private {
        bytes32[] memory siblings = Trees.proof(leavesOf(_list), index);
        VM.prank(FLAGGER);
        VM.expectRevert(refusal);
        datanets.flag{value: BOND}(_datanetId, 1, _list[index], index, siblings);
    }

    function _refuseProof(uint256 version, Contribution memory one, uint256 index, bytes32[] memory siblings) private {
        VM.prank(FLAGGER);
        VM.expectRevert(abi.encodeWithSelector(DatanetRegistry.BadContribution.selector, _datanetId, version, index));
        datanets.flag{value: BOND}(_datanetId, version, one, index, siblings);
    }

    function _isSolvent(uint256 bondedWei) private view {
        uint256 owedWei = datanets.owedWei(ALICE) + datanets.owedWei(FLAGGER);
        equal(address(datanets).balance, bondedWei + owedWei, "balance");
    }
}
