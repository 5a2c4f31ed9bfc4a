// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What disputes ask of the ModelRegistry. An adapter's hash is that of its content id's text.
interface IModelRegistry {
    /// @notice Root of an adapter's gradient index, as its fine-tune's receipt has it; zero where it is not registered.
    function indexRootOf(bytes32 adapterHash) external view returns (bytes32);
}
