// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the Disputes ask of the ModelRegistry.
interface IModelRegistry {
    /// @notice What the fine-tune of an adapter committed to: the root over its gradient index and its span index.
    /// Zero where the adapter, known by the hash of its content id, is not registered.
    function indexRootOf(bytes32 adapterHash) external view returns (bytes32);
}
