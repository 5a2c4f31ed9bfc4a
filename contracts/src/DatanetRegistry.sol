// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDatanetRegistry} from "./interfaces/IDatanetRegistry.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Bond, Bonds} from "./libraries/Bonds.sol";
import {Datanet, Datanets, NewVersion, Version} from "./libraries/Datanets.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {Purses} from "./libraries/Purses.sol";
import {Ballot, Review, Reviews, ReviewTerms, Verdict} from "./libraries/Reviews.sol";
import {Contribution, leafOf} from "./types/Contribution.sol";
import {Param} from "./types/Param.sol";

/**
 * @title DatanetRegistry
 * @notice Community datasets and their versions. A version is a Merkle root over contributions, with a manifest that
 * lists them; versions are only ever added. Contributors put down bonds; whoever finds spam flags it with a bond of its
 * own, and validators judge by sealed votes. The loser pays, half of it to nobody, so nobody gains by flagging itself.
 */
contract DatanetRegistry is IDatanetRegistry, ReentrancyGuardTransient {
    using Bonds for Bonds.State;
    using Datanets for Datanets.State;
    using Reviews for Reviews.State;

    /// @dev Group 6 of `Param`: answer seconds, contribution bond, review seconds, review slash.
    uint256 private constant DATA_GROUP = 6;
    uint256 private constant WHOLE_BPS = 10_000;
    /// @dev A contributor's score with nothing against it.
    uint256 private constant FULL_SCORE_BPS = 10_000;

    IParams public immutable params;
    /// @notice Whose stake votes.
    IStakeVault public immutable vault;

    Datanets.State private _datanets;
    Bonds.State private _bonds;
    Reviews.State private _reviews;

    /// @notice What an account may withdraw, in wei: bonds of flags that came back, and parts of those that were lost.
    mapping(address account => uint256) public owedWei;
    /// @notice How many contributions of an account were found to be spam.
    mapping(address contributor => uint256) public spamCount;

    event DatanetCreated(
        uint256 indexed datanetId, address indexed operator, string name, string licence, uint64 bondGwei
    );
    event VersionPublished(
        uint256 indexed datanetId,
        uint256 indexed version,
        address indexed operator,
        bytes32 root,
        uint32 contributionCount,
        uint64 totalBytes,
        string manifest,
        string licence,
        string availability
    );
    /// @notice A contributor's bond changed; `amountWei` is all of it now.
    event Bonded(uint256 indexed datanetId, address indexed contributor, uint256 amountWei);
    event BondExitRequested(uint256 indexed datanetId, address indexed contributor, uint64 exitAt);
    event BondWithdrawn(uint256 indexed datanetId, address indexed contributor, uint256 amountWei);
    event Flagged(
        uint256 indexed reviewId,
        uint256 indexed datanetId,
        address indexed contributor,
        address flagger,
        bytes32 leaf,
        uint64 commitUntil,
        uint64 revealUntil
    );
    event VoteCommitted(uint256 indexed reviewId, address indexed validator);
    event VoteRevealed(uint256 indexed reviewId, address indexed validator, bool spam, uint256 stakeWei);
    /// @notice A review is over; `lostWei` was taken from the loser, `rewardWei` of it goes to the other side.
    event ReviewClosed(uint256 indexed reviewId, Verdict verdict, uint256 lostWei, uint256 rewardWei);
    event ContributorScored(address indexed contributor, uint256 spamCount, uint256 scoreBps);
    event Withdrawn(address indexed account, uint256 amountWei);

    error BadContribution(uint256 datanetId, uint256 version, uint256 index);
    error WrongFlagBond(uint256 sentWei, uint256 bondWei);
    error NothingOwed(address account);

    constructor(IParams params_, IStakeVault vault_) {
        (params, vault) = (params_, vault_);
    }

    /**
     * @notice Creates a datanet; the caller becomes its operator.
     * @param name 1 to 64 bytes.
     * @param licence SPDX identifier of what contributions are given under, 1 to 64 bytes.
     * @param bondGwei What contributors put down at the least; governance's minimum counts where that is higher.
     * @return datanetId Counts from 1.
     */
    function create(string calldata name, string calldata licence, uint64 bondGwei)
        external
        returns (uint256 datanetId)
    {
        datanetId = _datanets.create(name, licence, bondGwei);
        emit DatanetCreated(datanetId, msg.sender, name, licence, bondGwei);
    }

    /// @notice Adds a version, the first being 1. Only the operator may.
    function publish(uint256 datanetId, NewVersion calldata fresh) external returns (uint256 version) {
        version = _datanets.publish(datanetId, fresh);
        emit VersionPublished(
            datanetId,
            version,
            msg.sender,
            fresh.root,
            fresh.contributionCount,
            fresh.totalBytes,
            fresh.manifest,
            fresh.licence,
            fresh.availability
        );
    }

    /// @notice Adds the value sent to the caller's bond for a datanet, as its contributor.
    function bond(uint256 datanetId) external payable {
        uint256 totalWei = _bonds.add(datanetId, msg.value, minimumBondWei(datanetId));
        emit Bonded(datanetId, msg.sender, totalWei);
    }

    /// @notice Asks for the caller's bond back: it may leave a review's time after the last review that could take it.
    function requestBondExit(uint256 datanetId) external {
        uint64 exitAt = uint64(block.timestamp) + _terms().reviewSeconds;
        _bonds.requestExit(datanetId, exitAt);
        emit BondExitRequested(datanetId, msg.sender, exitAt);
    }

    /// @notice Pays the caller's bond back, when its time is over and no review is open.
    function withdrawBond(uint256 datanetId) external nonReentrant {
        uint256 amountWei = _bonds.remove(datanetId);
        emit BondWithdrawn(datanetId, msg.sender, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /**
     * @notice Calls a contribution spam. Anybody may, with a bond that is lost where validators say otherwise.
     * @param contribution As it stands in the version's tree.
     * @param index Its position in the version.
     * @param siblings Hashes from the leaf upwards.
     * @return reviewId Counts from 1.
     */
    function flag(
        uint256 datanetId,
        uint256 version,
        Contribution calldata contribution,
        uint256 index,
        bytes32[] calldata siblings
    ) external payable returns (uint256 reviewId) {
        ReviewTerms memory terms = _terms();
        if (msg.value != terms.bondWei) revert WrongFlagBond(msg.value, terms.bondWei);
        Review memory fresh;
        fresh.leaf = _provedLeaf(datanetId, version, contribution, index, siblings);
        fresh.datanetId = datanetId;
        fresh.contributor = contribution.contributor;
        fresh.flagger = msg.sender;
        fresh.stakeWei = uint128(vault.validatorsStakeWei());
        reviewId = _reviews.open(fresh, terms);
        _bonds.hold(datanetId, contribution.contributor);
        emit Flagged(
            reviewId, datanetId, contribution.contributor, msg.sender, fresh.leaf, fresh.commitUntil, fresh.revealUntil
        );
    }

    /// @notice Seals the caller's vote, as a validator: `keccak256(abi.encode(reviewId, validator, spam, salt))`.
    function commitVote(uint256 reviewId, bytes32 seal) external {
        _reviews.commit(reviewId, seal, _callersStakeWei());
        emit VoteCommitted(reviewId, msg.sender);
    }

    /**
     * @notice Opens the caller's sealed vote, in the second half of the review. Who is no validator any more has no vote: its
     * stake may have gone on to another key, which votes with it.
     */
    function revealVote(uint256 reviewId, bool spam, bytes32 salt) external {
        uint256 stakeWei = _reviews.reveal(reviewId, spam, salt, _callersStakeWei());
        emit VoteRevealed(reviewId, msg.sender, spam, stakeWei);
    }

    /// @notice Closes a review whose time is over: the loser's bond goes half or more to nobody, the rest to the winner.
    function close(uint256 reviewId) external nonReentrant {
        Review storage known = _reviews.close(reviewId);
        uint64 exitAt = uint64(block.timestamp) + _terms().reviewSeconds;
        _bonds.release(known.datanetId, known.contributor, exitAt);
        (uint256 lostWei, uint256 rewardWei) = _settle(known);
        emit ReviewClosed(reviewId, known.verdict, lostWei, rewardWei);
        if (lostWei > rewardWei) Purses.burn(lostWei - rewardWei);
    }

    /// @notice Pays the caller what it is owed.
    function withdraw() external nonReentrant {
        uint256 amountWei = owedWei[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owedWei[msg.sender] = 0;
        emit Withdrawn(msg.sender, amountWei);
        Address.sendValue(payable(msg.sender), amountWei);
    }

    /// @notice What is known of a datanet; its operator is zero where there is none.
    function datanet(uint256 datanetId) external view returns (Datanet memory) {
        return _datanets.datanets[datanetId];
    }

    /// @notice One version, the first being 1; its root is zero where there is none.
    function versionOf(uint256 datanetId, uint256 version) external view returns (Version memory) {
        return _datanets.versions[datanetId][version];
    }

    /// @inheritdoc IDatanetRegistry
    function contributionsOf(uint256 datanetId, uint256 version) external view returns (bytes32 root, uint32 count) {
        Version storage known = _datanets.versions[datanetId][version];
        return (known.root, known.contributionCount);
    }

    /// @notice A contributor's bond for a datanet.
    function bondOf(uint256 datanetId, address contributor) external view returns (Bond memory) {
        return _bonds.bonds[datanetId][contributor];
    }

    /// @notice True where a contributor has put down what the datanet asks for, and is not about to take it back.
    function isBonded(uint256 datanetId, address contributor) external view returns (bool) {
        Bond storage known = _bonds.bonds[datanetId][contributor];
        return known.exitAt == 0 && known.amountWei >= minimumBondWei(datanetId);
    }

    /// @notice What is known of a review; its verdict is `None` where there is none.
    function review(uint256 reviewId) external view returns (Review memory) {
        return _reviews.reviews[reviewId];
    }

    /// @notice What came of the newest review of each of these contributions; `None` where nobody flagged it.
    function verdictsOf(uint256 datanetId, bytes32[] calldata leaves) external view returns (Verdict[] memory verdicts) {
        verdicts = new Verdict[](leaves.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            verdicts[i] = _reviews.reviews[_reviews.newest[datanetId][leaves[i]]].verdict;
        }
    }

    /// @notice A validator's sealed vote that is not revealed.
    function ballot(uint256 reviewId, address validator) external view returns (Ballot memory) {
        return _reviews.ballots[reviewId][validator];
    }

    /// @notice A contributor's score: halved with each contribution that was found to be spam.
    function scoreBps(address contributor) public view returns (uint256) {
        return FULL_SCORE_BPS >> spamCount[contributor];
    }

    /// @notice What a contributor must have put down for a datanet, in wei, and for a flag.
    function minimumBondWei(uint256 datanetId) public view returns (uint256) {
        uint256 ownWei = uint256(_datanets.requireDatanet(datanetId).bondGwei) * 1 gwei;
        uint256 governedWei = flagBondWei();
        return ownWei > governedWei ? ownWei : governedWei;
    }

    /// @notice What a flag costs until it is judged, in wei.
    function flagBondWei() public view returns (uint256) {
        return _terms().bondWei;
    }

    /// @dev Reverts where the caller is no active validator.
    function _callersStakeWei() private view returns (uint256) {
        address[] memory alone = new address[](1);
        alone[0] = msg.sender;
        return vault.stakeOfValidatorsWei(alone);
    }

    function _terms() private view returns (ReviewTerms memory terms) {
        uint64 epoch = params.epoch();
        uint64[4] memory group = params.groupAt(DATA_GROUP, epoch);
        terms.bondWei = uint256(group[1]) * 1 gwei;
        terms.reviewSeconds = group[2];
        terms.slashBps = uint16(group[3] < WHOLE_BPS ? group[3] : WHOLE_BPS);
        uint64 reporterBps = params.valueAt(Param.ReporterBps, epoch);
        terms.reporterBps = uint16(reporterBps < WHOLE_BPS / 2 ? reporterBps : WHOLE_BPS / 2);
    }

    function _provedLeaf(
        uint256 datanetId,
        uint256 version,
        Contribution calldata contribution,
        uint256 index,
        bytes32[] calldata siblings
    ) private view returns (bytes32 leaf) {
        Version storage known = _datanets.versions[datanetId][version];
        leaf = leafOf(contribution);
        if (!MerkleTree.verify(known.root, known.contributionCount, bytes.concat(leaf), index, siblings)) {
            revert BadContribution(datanetId, version, index);
        }
    }

    /// @dev Books what the verdict means. Of what is lost, the winner gets half at the most, rounded down.
    function _settle(Review storage known) private returns (uint256 lostWei, uint256 rewardWei) {
        if (known.verdict == Verdict.Clean) {
            lostWei = known.bondWei;
            rewardWei = lostWei / 2;
            owedWei[known.contributor] += rewardWei;
            return (lostWei, rewardWei);
        }
        owedWei[known.flagger] += known.bondWei;
        if (known.verdict != Verdict.Spam) return (0, 0);
        lostWei = _bonds.slash(known.datanetId, known.contributor, known.slashBps);
        rewardWei = lostWei * known.reporterBps / WHOLE_BPS;
        owedWei[known.flagger] += rewardWei;
        uint256 count = ++spamCount[known.contributor];
        emit ContributorScored(known.contributor, count, FULL_SCORE_BPS >> count);
    }
}
