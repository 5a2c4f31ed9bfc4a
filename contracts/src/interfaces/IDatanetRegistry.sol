// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the other contracts ask of the DatanetRegistry.
interface IDatanetRegistry {
    /// @notice Root and number of the contributions in a version; zeros where there is none.
    function contributionsOf(uint256 datanetId, uint256 version) external view returns (bytes32 root, uint32 count);
}
