// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Demand, Demands} from "./libraries/Demands.sol";
import {Evidence, Placed, Way} from "./libraries/Evidence.sol";
import {Purses} from "./libraries/Purses.sol";
import {Scores} from "./libraries/Scores.sol";
import {Place, SpanCounts, SpanIndex} from "./libraries/SpanCounts.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchHeader} from "./types/Batch.sol";
import {Param} from "./types/Param.sol";
import {Receipt} from "./types/Receipt.sol";
import {Claim, Vote} from "./types/Statement.sol";

/// @notice A contributor's share of an answer, as the answer's attribution has it.
struct Share {
    address contributor;
    uint64 rows;
    int64 score;
}

/// @notice The answer's own row and the noise its decoys measured.
struct Head {
    uint64 decoys;
    uint128 decoySquares;
    bytes query;
}

/**
 * @title Disputes
 * @notice Faults that the chain decides by itself, shown by anybody. A false batch is taken back, its proposer's bond lost and
 * its endorsers slashed on their own signatures; who says two things of one is slashed wherever it said them. What the
 * chain cannot compute goes to the Jury.
 */
contract Disputes is ReentrancyGuardTransient {
    using Demands for Demands.State;

    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

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
    error BadSignature(address signer, address expected);
    error NotContradicting(bytes32 first, bytes32 second);
    error NotTwice(bytes32 first, bytes32 second);
    error ScoreIsRight(int256 score);
    error CountIsRight(uint256 occurrences);
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
        _requireSigned(first.worker, one, firstSignature);
        _requireSigned(first.worker, other, secondSignature);
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
        _requireSigned(first.validator, one, firstSignature);
        _requireSigned(first.validator, other, secondSignature);
        bytes32 offence = keccak256(abi.encode("vote", first.validator, first.claim));
        _punish(first.validator, offence, Param.EquivocationSlashBps, "two votes on one claim");
    }

    /// @notice One job stands in two receipts: the later one's batch is false, and must still be open.
    function settledTwice(Placed calldata earlier, Placed calldata later) external {
        Evidence.requirePlaced(earlier);
        Evidence.requirePlaced(later);
        (Receipt calldata one, Receipt calldata other) = (earlier.receipt, later.receipt);
        bool isLater = later.header.number > earlier.header.number
            || (later.header.number == earlier.header.number && later.index > earlier.index);
        if (one.jobId != other.jobId || !isLater) revert NotTwice(one.jobId, other.jobId);
        ledger.requirePosted(earlier.header);
        ledger.fault(later.header, msg.sender);
    }

    /**
     * @notice A share of an answer is not the dot product of the contributor's rows and the answer's own.
     * @param placed The answer's receipt in an open batch.
     * @param head The leaf of the answer's attribution with its row.
     * @param share The false leaf.
     * @param spansRoot Root of the adapter's span index; `influenceRoot` that of its gradient index.
     * @param rows How many rows the contributor has there, and `vector` their sum.
     * @param ways From head and share to the receipt's attribution, from the sum to `influenceRoot`.
     */
    function falseScore(
        Placed calldata placed,
        Head calldata head,
        Share calldata share,
        bytes32 influenceRoot,
        bytes32 spansRoot,
        uint64 rows,
        bytes calldata vector,
        Way[3] calldata ways
    ) external {
        Evidence.requirePlaced(placed);
        _requireIndex(placed.receipt, influenceRoot, spansRoot);
        _requireHead(placed.receipt.attribution, head, ways[0]);
        bytes memory leaf = Evidence.shareLeaf(share.contributor, share.rows, share.score);
        Evidence.requireLeaf(placed.receipt.attribution, leaf, ways[1], "share");
        Evidence.requireLeaf(influenceRoot, Evidence.sumLeaf(share.contributor, rows, vector), ways[2], "sum");
        int256 score = Scores.dot(vector, head.query);
        if (score == share.score && rows == share.rows) revert ScoreIsRight(score);
        ledger.fault(placed.header, msg.sender);
    }

    /**
     * @notice A cited span occurs more often than the answer says: `first` and `last` are two places of it in the suffix
     * array that are too far apart.
     * @param tokens The span's tokens, big-endian words of 32 bits.
     * @param way From the span's leaf to the receipt's attribution.
     */
    function spanTooRare(
        Placed calldata placed,
        bytes calldata tokens,
        uint32 occurrences,
        Way calldata way,
        bytes32 influenceRoot,
        SpanIndex calldata index,
        Place calldata first,
        Place calldata last
    ) external {
        _requireSpan(placed, tokens, occurrences, way, influenceRoot, index);
        if (!SpanCounts.areMore(index, tokens, occurrences, first, last)) revert CountIsRight(occurrences);
        ledger.fault(placed.header, msg.sender);
    }

    /// @notice A cited span occurs less often than the answer says: between `below` and `above` there is no room for it.
    function spanTooFrequent(
        Placed calldata placed,
        bytes calldata tokens,
        uint32 occurrences,
        Way calldata way,
        bytes32 influenceRoot,
        SpanIndex calldata index,
        Place[] calldata below,
        Place[] calldata above
    ) external {
        _requireSpan(placed, tokens, occurrences, way, influenceRoot, index);
        if (!SpanCounts.areFewer(index, tokens, occurrences, below, above)) revert CountIsRight(occurrences);
        ledger.fault(placed.header, msg.sender);
    }

    /**
     * @notice Asks for a receipt of an open batch that cannot be had. The value sent is the bond, `ChallengeBondGwei`; until
     * it is answered the batch does not become final.
     */
    function demand(BatchHeader calldata header, uint256 index) external payable {
        uint64 epoch = params.epoch();
        uint256 bondWei = uint256(params.valueAt(Param.ChallengeBondGwei, epoch)) * 1 gwei;
        if (msg.value != bondWei) revert WrongBond(msg.value, bondWei);
        ledger.requireOpen(header);
        uint64 until = uint64(block.timestamp) + params.valueAt(Param.AnswerSeconds, epoch);
        _demands.add(header, index, bondWei, until);
        emit Demanded(header.number, index, msg.sender, until);
        ledger.hold(header.number);
    }

    /// @notice Shows a receipt that was asked for. Half of the bond goes to the caller, half is burned.
    function show(Placed calldata placed) external nonReentrant {
        Evidence.requirePlaced(placed);
        Demand memory ended = _demands.end(placed.header, placed.index);
        emit Shown(placed.header.number, placed.index, placed.receipt);
        // Where the batch was taken back, its holds went with it.
        if (!ledger.isVoid(TypedData.hashHeader(placed.header))) ledger.release(placed.header.number);
        Address.sendValue(payable(BURNED), ended.bondWei - ended.bondWei / 2);
        Address.sendValue(payable(msg.sender), ended.bondWei / 2);
    }

    /// @notice A receipt was not shown in time: its batch is false, and the bond goes back.
    function foreclose(BatchHeader calldata header, uint256 index) external nonReentrant {
        Demand memory ended = _demands.end(header, index);
        if (block.timestamp <= ended.until) revert Demands.StillTime(ended.until);
        emit Withheld(header.number, index);
        if (!ledger.isVoid(TypedData.hashHeader(header))) {
            ledger.release(header.number);
            _fault(header, ended.asker);
        }
        Purses.payOrBurn(ended.asker, ended.bondWei);
    }

    /// @notice A validator endorsed a batch that was found false; its signature is the proof. Who endorsed one behind it,
    /// which only went with it, did nothing wrong.
    function endorsedFalsely(bytes32 headerHash, address validator, bytes calldata signature) external {
        if (!ledger.isFalse(headerHash)) revert NotFalse(headerHash);
        _requireSigned(validator, TypedData.hashEndorsement(validator, headerHash), signature);
        bytes32 offence = keccak256(abi.encode("endorsement", validator, headerHash));
        _punish(validator, offence, Param.EndorserSlashBps, "a false batch endorsed");
    }

    /// @dev Where an older batch is false already, this one goes with it.
    function _fault(BatchHeader calldata header, address accuser) private {
        (,, uint64 faulty,,) = ledger.progress();
        if (faulty == 0 || faulty > header.number) ledger.fault(header, accuser);
    }

    function _requireSpan(
        Placed calldata placed,
        bytes calldata tokens,
        uint32 occurrences,
        Way calldata way,
        bytes32 influenceRoot,
        SpanIndex calldata index
    ) private view {
        Evidence.requirePlaced(placed);
        _requireIndex(placed.receipt, influenceRoot, SpanCounts.rootOf(index));
        Evidence.requireLeaf(placed.receipt.attribution, Evidence.spanLeaf(occurrences, tokens), way, "span");
    }

    function _requireIndex(Receipt calldata receipt, bytes32 influenceRoot, bytes32 spansRoot) private view {
        bytes32 root = models.indexRootOf(keccak256(bytes(receipt.adapter)));
        if (root == 0 || root != Evidence.indexesRoot(influenceRoot, spansRoot)) revert Evidence.NotCommitted("index");
    }

    function _requireHead(bytes32 attribution, Head calldata head, Way calldata way) private pure {
        Evidence.requireLeaf(
            attribution, Evidence.headLeaf(head.decoys, head.decoySquares, head.query), way, "head"
        );
    }

    /// @dev Of a signature there is one accepted form, and none of the zero address.
    function _requireSigned(address signer, bytes32 structHash, bytes calldata signature) private view {
        (address found, ECDSA.RecoverError failure,) =
            ECDSA.tryRecoverCalldata(ledger.digestOf(structHash), signature);
        if (failure != ECDSA.RecoverError.NoError || found != signer) revert BadSignature(found, signer);
    }

    function _punish(address node, bytes32 offence, Param param, string memory what) private {
        if (isPunished[offence]) revert AlreadyPunished(offence);
        isPunished[offence] = true;
        emit Punished(node, offence, what);
        (, uint256 stakeWei) = vault.stakeOf(node);
        vault.slash(node, stakeWei * params.valueAt(param, params.epoch()) / 10_000, msg.sender);
    }
}
