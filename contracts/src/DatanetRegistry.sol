// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Datanet, Datanets, Version} from "./libraries/Datanets.sol";

/**
 * @title DatanetRegistry
 * @notice Community datasets and their versions. A version is a Merkle root over contributions, with a manifest that
 * lists them; versions are only ever added.
 */
contract DatanetRegistry {
    using Datanets for Datanets.State;

    Datanets.State private _state;

    event DatanetCreated(uint256 indexed datanetId, address indexed operator, string name, string licence);
    event VersionPublished(
        uint256 indexed datanetId,
        uint256 indexed version,
        address indexed operator,
        bytes32 root,
        uint32 contributionCount,
        uint64 totalBytes,
        string manifest
    );

    /**
     * @notice Creates a datanet; the caller becomes its operator.
     * @param name 1 to 64 bytes.
     * @param licence SPDX identifier of what contributions are given under, 1 to 64 bytes.
     * @return datanetId Counts from 1.
     */
    function create(string calldata name, string calldata licence) external returns (uint256 datanetId) {
        datanetId = _state.create(name, licence);
        emit DatanetCreated(datanetId, msg.sender, name, licence);
    }

    /**
     * @notice Adds a version. Only the operator may.
     * @param root Merkle root over the contributions.
     * @param manifest Content id of the list of contributions, 1 to 111 bytes.
     * @param totalBytes Size of all contributions.
     * @return version Counts from 1.
     */
    function publish(
        uint256 datanetId,
        bytes32 root,
        uint32 contributionCount,
        string calldata manifest,
        uint64 totalBytes
    ) external returns (uint256 version) {
        version = _state.publish(datanetId, root, contributionCount, manifest, totalBytes);
        emit VersionPublished(datanetId, version, msg.sender, root, contributionCount, totalBytes, manifest);
    }

    /// @notice What is known of a datanet; its operator is zero where there is none.
    function datanet(uint256 datanetId) external view returns (Datanet memory) {
        return _state.datanets[datanetId];
    }

    /// @notice One version, the first being 1; its root is zero where there is none.
    function versionOf(uint256 datanetId, uint256 version) external view returns (Version memory) {
        return _state.versions[datanetId][version];
    }
}
