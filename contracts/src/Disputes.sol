// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Demand, Demands} from "./libraries/Demands.sol";
import {Evidence, Part, Placed, Share, Way} from "./libraries/Evidence.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {Purses} from "./libraries/Purses.sol";
import {Scores} from "./libraries/Scores.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {CitedSpan, Place, SpanCounts, SpanIndex} from "./libraries/SpanCounts.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {PLAIN, falseClaim} from "./types/Fault.sol";
import {HashedHeader} from "./types/Hashed.sol";
import {Param} from "./types/Param.sol";
import {Receipt} from "./types/Receipt.sol";
import {Claim, Vote} from "./types/Statement.sol";

/// @notice A share, with the way to the root beside its answer's head.
struct ShareProof {
    uint64 decoys;
    uint128 decoySquares;
    Share share;
    Way way;
}

/// @notice How many rows a contributor has in the index, with the way from their sum to its root.
struct SumProof {
    uint64 rows;
    Way way;
    /// Root of the span index, which stands beside it.
    bytes32 spansRoot;
}

/**
 * @title Disputes
 * @notice Faults that the chain decides by itself, shown by anybody. A false batch is taken back, its proposer's bond lost and
 * its endorsers slashed on their own signatures; who says two things of one is slashed wherever it said them. What the
 * chain cannot compute goes to the Jury.
 */
contract Disputes is ReentrancyGuardTransient {
    using Demands for Demands.State;

    IParams public immutable params;
    IResultLedger public immutable ledger;
    IStakeVault public immutable vault;
    IModelRegistry public immutable models;

    /// @notice Offences that were punished, so that none is twice.
    mapping(bytes32 offence => bool) public isPunished;

    Demands.State private _demands;

    event Demanded(uint64 indexed batch, uint256 indexed index, address asker, uint64 until);
    event Shown(uint64 indexed batch, uint256 indexed index, Receipt receipt);
    event Withheld(uint64 indexed batch, uint256 indexed index);
    event Punished(address indexed node, bytes32 indexed offence, string fault);

    error AlreadyPunished(bytes32 offence);
    error NotContradicting(bytes32 first, bytes32 second);
    error NotTwice(bytes32 first, bytes32 second);
    error NoSuchReceipt(uint64 batch, uint256 index, uint256 count);
    error ScoreIsRight(uint256 part, int256 product);
    error CountIsRight(uint256 place);
    error NotFalse(bytes32 headerHash);
    error WrongBond(uint256 bondWei, uint256 expectedWei);

    constructor(IParams params_, IResultLedger ledger_, IStakeVault vault_, IModelRegistry models_) {
        (params, ledger, vault, models) = (params_, ledger_, vault_, models_);
    }

    /// @notice A worker signed two results for one job.
    function claimedTwice(
        Claim calldata first,
        bytes calldata firstSignature,
        Claim calldata second,
        bytes calldata secondSignature
    ) external {
        (bytes32 one, bytes32 other) = (TypedData.hashClaim(first), TypedData.hashClaim(second));
        if (one == other || first.jobId != second.jobId || first.worker != second.worker) {
            revert NotContradicting(one, other);
        }
        Signatures.requireSigned(ledger, first.worker, one, firstSignature);
        Signatures.requireSigned(ledger, first.worker, other, secondSignature);
        bytes32 offence = keccak256(abi.encode("claim", first.worker, first.jobId));
        _punish(first.worker, offence, Param.EquivocationSlashBps, "two claims for one job");
    }

    /// @notice A validator signed two verdicts on one claim.
    function votedTwice(
        Vote calldata first,
        bytes calldata firstSignature,
        Vote calldata second,
        bytes calldata secondSignature
    ) external {
        (bytes32 one, bytes32 other) = (TypedData.hashVote(first), TypedData.hashVote(second));
        if (one == other || first.claim != second.claim || first.validator != second.validator) {
            revert NotContradicting(one, other);
        }
        Signatures.requireSigned(ledger, first.validator, one, firstSignature);
        Signatures.requireSigned(ledger, first.validator, other, secondSignature);
        bytes32 offence = keccak256(abi.encode("vote", first.validator, first.claim));
        _punish(first.validator, offence, Param.EquivocationSlashBps, "two votes on one claim");
    }

    /// @notice One job stands in two receipts: the later one's batch is false, and must still be open.
    function settledTwice(Placed calldata earlier, Placed calldata later) external {
        bytes32 earlierHash = Evidence.requirePlaced(earlier);
        bytes32 laterHash = Evidence.requirePlaced(later);
        (uint64 first, uint64 second) = (earlier.header.number, later.header.number);
        bool isLater = second > first || (second == first && later.index > earlier.index);
        (bytes32 one, bytes32 other) = (earlier.receipt.jobId, later.receipt.jobId);
        if (one != other || !isLater) revert NotTwice(one, other);
        ledger.requirePosted(first, earlierHash);
        ledger.fault(second, laterHash, PLAIN, msg.sender);
    }

    /**
     * @notice A share of an answer is not the dot product of the contributor's rows and the answer's own.
     * @param placed The answer's receipt in an open batch.
     * @param claimed The share that the answer says.
     * @param summed What the index commits of the contributor.
     * @param part Which part of the product is false, 0 to 3; any where the number of rows is.
     * @param query That part of the answer's row, and `vector` that of the rows' sum.
     */
    function falseScore(
        Placed calldata placed,
        ShareProof calldata claimed,
        SumProof calldata summed,
        uint256 part,
        Part calldata query,
        Part calldata vector
    ) external {
        bytes32 headerHash = Evidence.requirePlaced(placed);
        _requireShare(placed.receipt.attribution, claimed, Evidence.rowRoot(query, part));
        _requireSum(placed.receipt.adapter, claimed.share.contributor, summed, Evidence.rowRoot(vector, part));
        (bool fits, int256 product) = Scores.dot(vector.coordinates, query.coordinates);
        if (fits && product == Evidence.partOf(claimed.share, part) && summed.rows == claimed.share.rows) {
            revert ScoreIsRight(part, product);
        }
        ledger.fault(placed.header.number, headerHash, falseClaim(placed.receipt.claim), msg.sender);
    }

    /**
     * @notice A cited span does not occur where the answer says: a place of the suffix array shows it.
     * @param way From the span's leaf to the receipt's attribution.
     * @param influenceRoot Root of the gradient index, which stands beside the span index.
     */
    function falseCount(
        Placed calldata placed,
        CitedSpan calldata cited,
        Way calldata way,
        bytes32 influenceRoot,
        SpanIndex calldata index,
        Place calldata shown
    ) external {
        bytes32 headerHash = Evidence.requirePlaced(placed);
        bytes memory leaf = Evidence.spanLeaf(cited.place, cited.occurrences, cited.tokens);
        if (!MerkleTree.holds(placed.receipt.attribution, leaf, way.path, way.siblings)) {
            revert Evidence.NotCommitted("span");
        }
        _requireIndex(placed.receipt.adapter, influenceRoot, SpanCounts.rootOf(index));
        if (!SpanCounts.contradicts(index, cited, shown)) revert CountIsRight(shown.place);
        ledger.fault(placed.header.number, headerHash, falseClaim(placed.receipt.claim), msg.sender);
    }

    /**
     * @notice Asks for a receipt of an open batch that cannot be had. The value sent is the bond, `ChallengeBondGwei`; until
     * it is answered the batch does not become final.
     */
    function demand(HashedHeader calldata header, uint256 index) external payable {
        uint64 epoch = params.epoch();
        uint256 bondWei = uint256(params.valueAt(Param.ChallengeBondGwei, epoch)) * 1 gwei;
        if (msg.value != bondWei) revert WrongBond(msg.value, bondWei);
        if (index >= header.receiptCount) revert NoSuchReceipt(header.number, index, header.receiptCount);
        bytes32 headerHash = TypedData.hashHeader(header);
        ledger.requireOpen(header.number, headerHash);
        uint64 until = uint64(block.timestamp) + params.valueAt(Param.AnswerSeconds, epoch);
        _demands.add(headerHash, index, Demand(msg.sender, uint96(bondWei), header.number, until));
        emit Demanded(header.number, index, msg.sender, until);
        ledger.hold(header.number);
    }

    /// @notice Shows a receipt that was asked for. Half of the bond goes to the caller, half is burned.
    function show(
        HashedHeader calldata header,
        Receipt calldata receipt,
        uint256 index,
        bytes32[] calldata siblings
    ) external nonReentrant {
        Evidence.requireInBatch(header, receipt.jobId, TypedData.hashReceipt(receipt), index, siblings);
        bytes32 headerHash = TypedData.hashHeader(header);
        Demand memory ended = _demands.end(headerHash, index);
        emit Shown(header.number, index, receipt);
        // Where the batch was taken back, its holds went with it.
        if (!ledger.isVoid(headerHash)) ledger.release(header.number);
        Purses.burn(ended.bondWei - ended.bondWei / 2);
        Address.sendValue(payable(msg.sender), ended.bondWei / 2);
    }

    /// @notice A receipt was not shown in time: its batch is false, and the bond goes back.
    function foreclose(bytes32 headerHash, uint256 index) external nonReentrant {
        Demand memory ended = _demands.end(headerHash, index);
        if (block.timestamp <= ended.until) revert Demands.StillTime(ended.until);
        emit Withheld(ended.batch, index);
        if (!ledger.isVoid(headerHash)) {
            ledger.release(ended.batch);
            _fault(ended.batch, headerHash, ended.asker);
        }
        Purses.payOrBurn(ended.asker, ended.bondWei);
    }

    /**
     * @notice A validator endorsed a batch in which a job was settled twice, or whose data it must have had and nobody showed;
     * its signature is the proof. What only those know who run a claim, or of a batch before this one, is no fault of it.
     */
    function endorsedFalsely(bytes32 headerHash, address validator, bytes calldata signature) external {
        if (ledger.faultOf(headerHash) != PLAIN) revert NotFalse(headerHash);
        Signatures.requireSigned(ledger, validator, TypedData.hashEndorsement(validator, headerHash), signature);
        bytes32 offence = keccak256(abi.encode("endorsement", validator, headerHash));
        _punish(validator, offence, Param.EndorserSlashBps, "a false batch endorsed");
    }

    /// @notice A worker signed a claim for which a batch was found false.
    function claimedFalsely(bytes32 headerHash, Claim calldata claim, bytes calldata signature) external {
        bytes32 structHash = TypedData.hashClaim(claim);
        bytes32 digest = ledger.digestOf(structHash);
        _requireFalse(headerHash, digest);
        Signatures.requireSigned(ledger, claim.worker, structHash, signature);
        bytes32 offence = keccak256(abi.encode("false claim", claim.worker, digest));
        _punish(claim.worker, offence, Param.EndorserSlashBps, "a false claim");
    }

    /// @notice A validator passed a claim for which a batch was found false.
    function passedFalsely(bytes32 headerHash, Vote calldata vote, bytes calldata signature) external {
        _requireFalse(headerHash, vote.claim);
        if (keccak256(bytes(vote.verdict)) != keccak256("pass")) revert NotFalse(headerHash);
        Signatures.requireSigned(ledger, vote.validator, TypedData.hashVote(vote), signature);
        bytes32 offence = keccak256(abi.encode("false pass", vote.validator, vote.claim));
        _punish(vote.validator, offence, Param.EndorserSlashBps, "a false claim passed");
    }

    function _requireFalse(bytes32 headerHash, bytes32 claim) private view {
        if (ledger.faultOf(headerHash) != falseClaim(claim)) revert NotFalse(headerHash);
    }

    /// @dev Where an older batch is false already, this one goes with it.
    function _fault(uint64 batch, bytes32 headerHash, address accuser) private {
        (,, uint64 faulty,,) = ledger.progress();
        if (faulty == 0 || faulty > batch) ledger.fault(batch, headerHash, PLAIN, accuser);
    }

    /// @dev The head stands on the left of all that an answer's attribution says.
    function _requireShare(bytes32 attribution, ShareProof calldata claimed, bytes32 queryRoot) private pure {
        bytes32 head = MerkleTree.hashLeaf(Evidence.headLeaf(claimed.decoys, claimed.decoySquares, queryRoot));
        bytes32 share = MerkleTree.hashLeaf(Evidence.shareLeaf(claimed.share));
        bytes32 said = MerkleTree.climb(share, claimed.way.path, claimed.way.siblings);
        if (MerkleTree.hashNode(head, said) != attribution) revert Evidence.NotCommitted("share");
    }

    function _requireSum(bytes32 adapter, address contributor, SumProof calldata summed, bytes32 vectorRoot)
        private
        view
    {
        bytes32 sum = MerkleTree.hashLeaf(Evidence.sumLeaf(contributor, summed.rows, vectorRoot));
        bytes32 influenceRoot = MerkleTree.climb(sum, summed.way.path, summed.way.siblings);
        _requireIndex(adapter, influenceRoot, summed.spansRoot);
    }

    /// @param adapter The hash of its content id.
    function _requireIndex(bytes32 adapter, bytes32 influenceRoot, bytes32 spansRoot) private view {
        bytes32 root = models.indexRootOf(adapter);
        if (root == 0 || root != Evidence.indexesRoot(influenceRoot, spansRoot)) revert Evidence.NotCommitted("index");
    }

    function _punish(address node, bytes32 offence, Param param, string memory what) private {
        if (isPunished[offence]) revert AlreadyPunished(offence);
        isPunished[offence] = true;
        emit Punished(node, offence, what);
        (, uint256 stakeWei) = vault.stakeOf(node);
        vault.slash(node, stakeWei * params.valueAt(param, params.epoch()) / 10_000, msg.sender);
    }
}
