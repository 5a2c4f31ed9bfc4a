// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchHeader} from "./types/Batch.sol";
import {Receipt} from "./types/Receipt.sol";

/// @notice An adapter and the job that made it; `owner` is zero where it is not registered.
struct Model {
    address owner;
    uint64 batch;
    bytes32 jobId;
    /// Root over its gradient index and its span index: what disputes about answers are decided by.
    bytes32 indexRoot;
    /// Content id of the base model.
    string base;
}

/**
 * @title ModelRegistry
 * @notice Who owns which adapter. There is one way in: the proof that a final batch holds the receipt of the fine-tuning
 * that made it, shown by who ordered it.
 */
contract ModelRegistry is IModelRegistry {
    bytes32 private constant FINE_TUNE = keccak256("fine-tune");

    /// @notice Whose final batches prove.
    IResultLedger public immutable ledger;

    mapping(bytes32 adapterHash => Model) private _models;

    event ModelRegistered(string adapter, string base, address indexed owner, bytes32 indexed jobId, uint64 batch);

    error NotRequester(address requester, address caller);
    error NotFineTune(bytes32 jobId);
    error NoOwner(bytes32 jobId);
    error BadProof(bytes32 jobId, uint64 batch, uint256 index);

    constructor(IResultLedger ledger_) {
        ledger = ledger_;
    }

    /**
     * @notice Registers the adapter that a fine-tuning made. The first registration stands: a repeated one does nothing.
     * @param header That of the final batch which holds the receipt.
     * @param receipt The job's receipt; the caller must be its requester.
     * @param index The receipt's position in the batch.
     * @param siblings Hashes from the leaf upwards.
     * @param owner Who is paid when the adapter is used.
     */
    function register(
        BatchHeader calldata header,
        Receipt calldata receipt,
        uint256 index,
        bytes32[] calldata siblings,
        address owner
    ) external {
        if (receipt.requester != msg.sender) revert NotRequester(receipt.requester, msg.sender);
        if (keccak256(bytes(receipt.task)) != FINE_TUNE) revert NotFineTune(receipt.jobId);
        if (owner == address(0)) revert NoOwner(receipt.jobId);
        ledger.requireFinal(header);
        bytes memory leaf = bytes.concat(TypedData.hashReceipt(receipt));
        if (!MerkleTree.verify(header.receiptsRoot, header.receiptCount, leaf, index, siblings)) {
            revert BadProof(receipt.jobId, header.number, index);
        }
        _add(header.number, receipt, owner);
    }

    /// @notice What is known of the adapter with this content id.
    function model(string calldata adapter) external view returns (Model memory) {
        return _models[keccak256(bytes(adapter))];
    }

    /// @inheritdoc IModelRegistry
    function indexRootOf(bytes32 adapterHash) external view returns (bytes32) {
        return _models[adapterHash].indexRoot;
    }

    function _add(uint64 batch, Receipt calldata receipt, address owner) private {
        Model storage known = _models[keccak256(bytes(receipt.output))];
        if (known.owner != address(0)) return;
        known.owner = owner;
        known.batch = batch;
        known.jobId = receipt.jobId;
        known.indexRoot = receipt.attribution;
        known.base = receipt.model;
        emit ModelRegistered(receipt.output, receipt.model, owner, receipt.jobId, batch);
    }
}
