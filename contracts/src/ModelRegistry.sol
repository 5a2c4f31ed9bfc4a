// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatanetRegistry} from "./interfaces/IDatanetRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IParams} from "./interfaces/IParams.sol";
import {IResultLedger} from "./interfaces/IResultLedger.sol";
import {MerkleTree} from "./libraries/MerkleTree.sol";
import {Models} from "./libraries/Models.sol";
import {TypedData} from "./libraries/TypedData.sol";
import {BatchHeader} from "./types/Batch.sol";
import {Model, Pedigree} from "./types/Model.sol";
import {Receipt} from "./types/Receipt.sol";

/**
 * @title ModelRegistry
 * @notice Who owns which adapter, and where it comes from. There is one way in: the proof that a final batch holds the
 * receipt of the fine-tuning that made it, shown by who ordered it.
 */
contract ModelRegistry is IModelRegistry {
    using Models for Model;
    using Models for mapping(bytes32 => Model);

    bytes32 private constant FINE_TUNE = keccak256("fine-tune");

    /// @notice Whose final batches prove.
    IResultLedger public immutable ledger;
    IParams public immutable params;
    IDatanetRegistry public immutable datanets;

    mapping(bytes32 adapterHash => Model) private _models;

    /// @notice An adapter has this owner: it was registered, or it changed hands.
    event ModelRegistered(string adapter, string base, address indexed owner, bytes32 indexed jobId, uint64 batch);
    event PedigreeDeclared(
        bytes32 indexed adapterHash,
        uint64 indexed datanetId,
        uint64 datanetVersion,
        bytes32 indexRoot,
        string[] parents
    );
    /// @notice From an epoch on, the owner asks this much more a unit, in wei.
    event FeeSet(bytes32 indexed adapterHash, uint64 feeWei, uint64 fromEpoch);
    event OwnershipOffered(bytes32 indexed adapterHash, address indexed owner, address indexed heir);

    error NotRequester(address requester, address caller);
    error NotFineTune(bytes32 jobId);
    error NoOwner(bytes32 jobId);
    error NoVersion(uint64 datanetId, uint64 version);
    error BadProof(bytes32 jobId, uint64 batch, uint256 index);

    constructor(IResultLedger ledger_, IParams params_, IDatanetRegistry datanets_) {
        (ledger, params, datanets) = (ledger_, params_, datanets_);
    }

    /**
     * @notice Registers the adapter that a fine-tuning made. The first registration stands: a repeated one does nothing.
     * @param header That of the final batch which holds the receipt.
     * @param receipt The job's receipt; the caller must be its requester.
     * @param index The receipt's position in the batch.
     * @param siblings Hashes from the leaf upwards.
     * @param pedigree What the caller says besides.
     */
    function register(
        BatchHeader calldata header,
        Receipt calldata receipt,
        uint256 index,
        bytes32[] calldata siblings,
        Pedigree calldata pedigree
    ) external {
        if (receipt.requester != msg.sender) {
            revert NotRequester(receipt.requester, msg.sender);
        }
        if (keccak256(bytes(receipt.task)) != FINE_TUNE) revert NotFineTune(receipt.jobId);
        if (pedigree.owner == address(0)) revert NoOwner(receipt.jobId);
        Models.requirePedigree(pedigree, receipt);
        _requireVersion(pedigree.datanetId, pedigree.datanetVersion);
        _requireFinal(header, receipt, index, siblings);
        _add(header.number, receipt, pedigree);
    }

    /// @notice Announces what the owner asks a unit, in wei: it counts from the next epoch on.
    function setFee(bytes32 adapterHash, uint64 feeWei) external {
        uint64 fromEpoch = _models.ownedBy(adapterHash, msg.sender).setFee(feeWei, params.epoch());
        emit FeeSet(adapterHash, feeWei, fromEpoch);
    }

    /// @notice Offers an adapter to another owner; the zero address takes the offer back.
    function offerOwnership(bytes32 adapterHash, address heir) external {
        _models.ownedBy(adapterHash, msg.sender).heir = heir;
        emit OwnershipOffered(adapterHash, msg.sender, heir);
    }

    /// @notice Takes over an adapter that was offered to the caller, which names it by its content id.
    function acceptOwnership(string calldata adapter) external {
        bytes32 adapterHash = keccak256(bytes(adapter));
        Model storage known = _models[adapterHash];
        if (known.heir != msg.sender) revert Models.NotHeir(adapterHash, msg.sender);
        known.owner = msg.sender;
        known.heir = address(0);
        emit ModelRegistered(adapter, known.base, msg.sender, known.jobId, known.batch);
    }

    /// @notice What is known of the adapter with this content id.
    function model(string calldata adapter) external view returns (Model memory) {
        return _models[keccak256(bytes(adapter))];
    }

    /// @notice What the owner asks a unit in this epoch or a later one, in wei.
    function feeWeiAt(bytes32 adapterHash, uint64 epoch) external view returns (uint64) {
        return _models[adapterHash].feeAt(epoch);
    }

    /// @inheritdoc IModelRegistry
    function indexRootOf(bytes32 adapterHash) external view returns (bytes32) {
        return _models[adapterHash].indexRoot;
    }

    /// @dev The one place that asks the ledger.
    function _requireFinal(
        BatchHeader calldata header,
        Receipt calldata receipt,
        uint256 index,
        bytes32[] calldata siblings
    ) private view {
        ledger.requireFinal(header);
        bytes memory leaf = bytes.concat(TypedData.hashReceipt(receipt));
        if (!MerkleTree.verify(header.receiptsRoot, header.receiptCount, leaf, index, siblings)) {
            revert BadProof(receipt.jobId, header.number, index);
        }
    }

    function _requireVersion(uint64 datanetId, uint64 version) private view {
        if (datanetId == 0 && version == 0) return;
        (bytes32 root,) = datanets.contributionsOf(datanetId, version);
        if (root == 0) revert NoVersion(datanetId, version);
    }

    function _add(uint64 batch, Receipt calldata receipt, Pedigree calldata pedigree) private {
        bytes32 adapterHash = keccak256(bytes(receipt.output));
        Model storage known = _models[adapterHash];
        if (known.owner != address(0)) return;
        known.fill(batch, receipt, pedigree);
        emit ModelRegistered(receipt.output, receipt.model, pedigree.owner, receipt.jobId, batch);
        emit PedigreeDeclared(
            adapterHash, pedigree.datanetId, pedigree.datanetVersion, receipt.attribution, pedigree.parents
        );
        if (pedigree.feeWei > 0) emit FeeSet(adapterHash, pedigree.feeWei, 0);
    }
}
