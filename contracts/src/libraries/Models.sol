// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Model, Pedigree} from "../types/Model.sol";
import {Receipt} from "../types/Receipt.sol";

/// @notice Adapters by the hash of their content id: what may be said of them, and by whom.
library Models {
    uint256 internal constant MAX_PARENTS = 8;
    /// @dev `cid` of `protocol/fields.ts`.
    uint256 internal constant MAX_CID_BYTES = 111;
    /// @dev Ten times what the network asks for a token today: an owner's part must not become the price.
    uint64 internal constant MAX_FEE_WEI = 0.01 ether;

    error NoModel(bytes32 adapterHash);
    error NotOwner(bytes32 adapterHash, address caller);
    error NotHeir(bytes32 adapterHash, address caller);
    error FeeTooHigh(uint64 feeWei, uint64 maxFeeWei);
    error TooManyParents(uint256 count, uint256 maxCount);
    error BadParent(uint256 index);

    function requirePedigree(Pedigree calldata pedigree, Receipt calldata receipt) internal pure {
        requireFee(pedigree.feeWei);
        uint256 count = pedigree.parents.length;
        if (count > MAX_PARENTS) revert TooManyParents(count, MAX_PARENTS);
        bytes32 self = keccak256(bytes(receipt.output));
        bytes32 base = keccak256(bytes(receipt.model));
        for (uint256 i = 0; i < count; i++) {
            uint256 lengthBytes = bytes(pedigree.parents[i]).length;
            bytes32 hash = keccak256(bytes(pedigree.parents[i]));
            if (lengthBytes == 0 || lengthBytes > MAX_CID_BYTES || hash == self || hash == base) revert BadParent(i);
            for (uint256 j = 0; j < i; j++) {
                if (hash == keccak256(bytes(pedigree.parents[j]))) revert BadParent(i);
            }
        }
    }

    function fill(Model storage self, uint64 batch, Receipt calldata receipt, Pedigree calldata pedigree) internal {
        self.owner = pedigree.owner;
        self.batch = batch;
        self.feeWei = pedigree.feeWei;
        self.nextFeeWei = pedigree.feeWei;
        self.jobId = receipt.jobId;
        self.indexRoot = receipt.attribution;
        self.datanetId = pedigree.datanetId;
        self.datanetVersion = pedigree.datanetVersion;
        self.base = receipt.model;
        for (uint256 i = 0; i < pedigree.parents.length; i++) {
            self.parents.push(keccak256(bytes(pedigree.parents[i])));
        }
    }

    /// @notice Announces a fee; what the running epoch has stays until its end.
    function setFee(Model storage self, uint64 feeWei, uint64 epoch) internal returns (uint64 fromEpoch) {
        requireFee(feeWei);
        if (epoch >= self.feeEpoch) self.feeWei = self.nextFeeWei;
        fromEpoch = epoch + 1;
        self.nextFeeWei = feeWei;
        self.feeEpoch = fromEpoch;
    }

    function feeAt(Model storage self, uint64 epoch) internal view returns (uint64) {
        return epoch >= self.feeEpoch ? self.nextFeeWei : self.feeWei;
    }

    function ownedBy(mapping(bytes32 => Model) storage models, bytes32 adapterHash, address caller)
        internal
        view
        returns (Model storage known)
    {
        known = models[adapterHash];
        if (known.owner == address(0)) revert NoModel(adapterHash);
        if (known.owner != caller) revert NotOwner(adapterHash, caller);
    }

    function requireFee(uint64 feeWei) internal pure {
        if (feeWei > MAX_FEE_WEI) revert FeeTooHigh(feeWei, MAX_FEE_WEI);
    }
}
