// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IFeeEscrow} from "./interfaces/IFeeEscrow.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IPayout} from "./interfaces/IPayout.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Batch, Batches, Tail} from "./libraries/Batches.sol";
import {Threshold} from "./libraries/Threshold.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchHeader, Charge, Endorsement} from "./types/Batch.sol";
import {Fault} from "./types/Fault.sol";

/**
 * @title ResultLedger
 * @notice Takes batches of settled jobs that two thirds of the validators' stake stand for. A batch either leaves its fees
 * open or collects all that are; its proposer's bond is locked until the window is over. Then anybody may make the batch final,
 * which hands what it collected to the Payout and opens its claims. A batch found false before that is taken back.
 */
contract ResultLedger is IResultLedger, EIP712 {
    using Batches for Batches.State;

    /// @dev A thousandth of an OPEN, in which bonds are kept.
    uint256 private constant MILLI = 1e15;
    uint64 private constant GWEI_A_MILLI = 1e6;

    /// @notice A batch may be so much older than it is posted: it takes a while to agree on one.
    uint64 public constant MAX_AGE_EPOCHS = 2;

    IParams public immutable params;
    /// @notice Seconds of an epoch.
    uint64 public immutable epochSeconds;
    /// @notice Whose stake endorses.
    IStakeVault public immutable vault;
    /// @notice Whose money pays.
    IFeeEscrow public immutable escrow;
    /// @notice Where fees go when a batch is final.
    IPayout public immutable payout;
    /// @notice Who may find a batch false: one by proof, the other by jury.
    address public immutable disputes;
    address public immutable jury;

    /// @notice The attribution threshold before the first batch, in thousandths of a standard deviation.
    uint32 public immutable initialStrictness;

    Batches.State private _state;

    /// @notice A batch was posted; it may be made final from `finalAt`, seconds since 1970.
    event BatchPosted(uint64 indexed number, BatchHeader header, uint64 finalAt);
    event BatchFinal(uint64 indexed number);
    /// @notice A batch was found false: it and all behind it are to be taken back.
    event BatchFaulted(uint64 indexed number, address indexed accuser);
    /// @notice A batch counts no longer, and its number is free again.
    event BatchVoided(uint64 indexed number, bytes32 indexed headerHash);
    /// @notice Payers got back what a void batch had collected.
    event ChargesReturned(bytes32 indexed headerHash, uint256 amountWei);

    error PostedByContract(address caller);
    error BadEndorsement(address validator);
    error EndorsementsNotAscending(address validator);
    error NoQuorum(uint256 endorsedWei, uint256 validatorsWei);
    error WrongEpoch(uint64 epoch, uint64 previous, uint64 current);
    error WrongStrictness(uint32 strictness, uint32 expected);
    error NotEscrow(address caller);
    error NotJudge(address caller);
    error WiredElsewhere(address escrow, address payout);

    constructor(
        IParams params_,
        IStakeVault vault_,
        IFeeEscrow escrow_,
        IPayout payout_,
        address disputes_,
        address jury_,
        uint32 strictness
    ) EIP712("Tributary", "1") {
        if (escrow_.ledger() != address(this) || payout_.ledger() != address(this)) {
            revert WiredElsewhere(address(escrow_), address(payout_));
        }
        (params, vault, escrow, payout) = (params_, vault_, escrow_, payout_);
        (disputes, jury) = (disputes_, jury_);
        epochSeconds = params_.epochSeconds();
        initialStrictness = strictness;
        _state.tail.strictness = uint16(strictness);
        _state.accuser = address(this);
    }

    /// @notice Fees come from the escrow; what anybody else sends is refused, for it would be lost.
    receive() external payable {
        if (msg.sender != address(escrow)) revert NotEscrow(msg.sender);
    }

    modifier onlyJudges() {
        if (msg.sender != disputes && msg.sender != jury) revert NotJudge(msg.sender);
        _;
    }

    /**
     * @notice Posts the next batch and collects fees where it says so. Anybody may, but no contract: whoever checks a receipt,
     * or reports those who endorsed a false batch, finds their signatures in the transaction's call. A second poster is told
     * `AlreadyPosted`. The bond is the proposer's, whoever posts.
     * @param endorsements Ascending by validator, of two thirds of the active validators' stake or more.
     * @param charges Ascending by payer: who pays how much, and the voucher that allows it. None where fees stay open.
     */
    function post(BatchHeader calldata header, Endorsement[] calldata endorsements, Charge[] calldata charges)
        external
    {
        Tail memory tail = _state.tail;
        _state.requireNext(tail.posted, header.number);
        // An account may have code of its own (EIP-7702), and call itself.
        if (msg.sender != tx.origin || msg.sender.code.length > 0) revert PostedByContract(msg.sender);
        uint64[4] memory governed = params.groupAt(0, header.epoch);
        _requireEpoch(header, tail, governed[2]);
        Batches.requireCharges(header, charges);
        bytes32 headerHash = TypedData.hashHeader(header);
        _state.requireNotVoid(headerHash);
        uint64 finalAt = uint64(block.timestamp) + governed[0];
        uint24 bondMilli = uint24(governed[1] / GWEI_A_MILLI);
        _requireQuorum(headerHash, header.proposer, uint256(bondMilli) * MILLI, endorsements);
        _state.append(tail.openWei, header, Batch(bytes24(headerHash), uint40(finalAt), bondMilli));
        emit BatchPosted(header.number, header, finalAt);
        if (charges.length > 0) escrow.redeem(charges);
    }

    /// @notice Makes the next batch final, when its window is over, and pays what it collected into the Payout. Anybody may.
    function finalise(BatchHeader calldata header) external {
        _finalise(header);
    }

    /// @notice Makes the next batches final, in their order: several in one transaction cost less.
    function finaliseAll(BatchHeader[] calldata headers) external {
        for (uint256 i = 0; i < headers.length; i++) {
            _finalise(headers[i]);
        }
    }

    /// @inheritdoc IResultLedger
    function fault(uint64 number, bytes32 headerHash, Fault found, address accuser) external onlyJudges {
        _state.requireHash(number, headerHash);
        _state.fault(number, found, accuser);
        emit BatchFaulted(number, accuser);
    }

    /**
     * @notice Takes the newest batch back while it or one before it is known to be false. Anybody may. The proposer of the
     * false one loses its bond, in part to who has shown it; that of another, which only built on it, gets its bond back.
     * @param header The newest batch's.
     * @param previous That of the batch before; any where there is none.
     */
    function takeBack(BatchHeader calldata header, BatchHeader calldata previous) external {
        bool isTheFault = header.number == _state.faulty;
        BatchHeader memory before;
        if (header.number > 1) {
            _state.requireHash(header.number - 1, TypedData.hashHeader(previous));
            before = previous;
        } else {
            before.strictness = initialStrictness;
        }
        bytes32 headerHash = TypedData.hashHeader(header);
        Batch memory batch = _state.takeBack(header, headerHash, before);
        emit BatchVoided(header.number, headerHash);
        uint256 bondWei = uint256(batch.bondMilli) * MILLI;
        vault.unlock(header.proposer, bondWei);
        if (isTheFault) vault.slash(header.proposer, bondWei, _state.accuser);
    }

    /// @notice Gives payers back what a void batch has collected. Anybody may.
    function giveBack(BatchHeader calldata header, Charge[] calldata charges) external {
        bytes32 headerHash = TypedData.hashHeader(header);
        _state.giveBack(header, headerHash, charges);
        emit ChargesReturned(headerHash, header.collectedWei);
        escrow.giveBack{value: header.collectedWei}(charges);
    }

    /// @inheritdoc IResultLedger
    function hold(uint64 number) external onlyJudges {
        _state.requireOpen(number);
        _state.holds++;
        _state.holdsOn[number]++;
    }

    /// @inheritdoc IResultLedger
    function release(uint64 number) external onlyJudges {
        _state.holds--;
        _state.holdsOn[number]--;
    }

    /// @inheritdoc IResultLedger
    function requireFinal(BatchHeader calldata header) external view {
        _state.requireFinal(header);
    }

    /// @inheritdoc IResultLedger
    function requireOpen(uint64 number, bytes32 headerHash) external view {
        _state.requireOpen(number);
        _state.requireHash(number, headerHash);
    }

    /// @inheritdoc IResultLedger
    function requirePosted(uint64 number, bytes32 headerHash) external view {
        if (number == 0 || number > _state.tail.posted) revert Batches.NotPosted(number);
        _state.requireHash(number, headerHash);
    }

    /// @inheritdoc IResultLedger
    function isVoid(bytes32 headerHash) external view returns (bool) {
        return _state.isVoid[headerHash];
    }

    /// @inheritdoc IResultLedger
    function faultOf(bytes32 headerHash) external view returns (Fault) {
        return _state.faultOf[headerHash];
    }

    /// @inheritdoc IResultLedger
    function digestOf(bytes32 structHash) external view returns (bytes32) {
        return _hashTypedDataV4(structHash);
    }

    /// @notice What is kept of a batch; its header's hash is zero where it was not posted.
    function batchOf(uint64 number) external view returns (Batch memory) {
        return _state.batches[number];
    }

    /// @inheritdoc IResultLedger
    function progress()
        external
        view
        returns (uint64 posted, uint64 finalised, uint64 faulty, uint256 openWei, uint256 collectedWei)
    {
        return (_state.tail.posted, _state.finalised, _state.faulty, _state.tail.openWei, _state.collectedWei);
    }

    function _finalise(BatchHeader calldata header) private {
        Batch memory batch = _state.finalise(header);
        emit BatchFinal(header.number);
        vault.unlock(header.proposer, uint256(batch.bondMilli) * MILLI);
        if (header.charges != 0) payout.setRoot{value: header.collectedWei}(header.payoutRoot);
    }

    /// @dev A batch is of this epoch or one shortly before, and moves the threshold on when it is the first of its epoch.
    function _requireEpoch(BatchHeader calldata header, Tail memory tail, uint64 stepBps) private view {
        (uint64 epoch, uint64 last, uint64 now_) = (header.epoch, tail.epoch, uint64(block.timestamp / epochSeconds));
        if (epoch < last || epoch > now_ || epoch + MAX_AGE_EPOCHS < now_) revert WrongEpoch(epoch, last, now_);
        uint32 expected = epoch > last && last != 0 ? _moved(tail, stepBps, epoch) : tail.strictness;
        bool isShrinking = epoch == last && (header.answers < tail.answers || header.payees < tail.payees);
        if (header.strictness != expected || isShrinking) revert WrongStrictness(header.strictness, expected);
    }

    function _moved(Tail memory tail, uint64 stepBps, uint64 epoch) private view returns (uint32) {
        uint64[4] memory governed = params.groupAt(4, epoch);
        Threshold.Rules memory moves = Threshold.Rules(governed[2], stepBps, governed[0], governed[1]);
        return uint32(Threshold.nextStrictness(tail.strictness, tail.payees, tail.answers, moves));
    }

    /// @dev One call to the vault weighs the validators and locks the bond.
    function _requireQuorum(bytes32 headerHash, address proposer, uint256 bondWei, Endorsement[] calldata endorsements)
        private
    {
        address[] memory validators = new address[](endorsements.length);
        address last = address(0);
        bytes32 separator = _domainSeparatorV4();
        for (uint256 i = 0; i < endorsements.length; i++) {
            Endorsement calldata endorsement = endorsements[i];
            address validator = endorsement.validator;
            if (validator <= last) revert EndorsementsNotAscending(validator);
            last = validator;
            bytes32 digest = TypedData.endorsementDigest(separator, validator, headerHash);
            (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, endorsement.r, endorsement.vs);
            if (failure != ECDSA.RecoverError.NoError || signer != validator) revert BadEndorsement(validator);
            validators[i] = validator;
        }
        (uint256 endorsedWei, uint256 validatorsWei) = vault.lockFor(proposer, bondWei, validators);
        // Where nobody validates, nobody's silence is consent.
        if (endorsedWei == 0 || endorsedWei * 3 < validatorsWei * 2) revert NoQuorum(endorsedWei, validatorsWei);
    }
}
