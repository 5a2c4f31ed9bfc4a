// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A dataset, who may add versions to it, and what its contributors must put down.
struct Datanet {
    address operator;
    uint32 versionCount;
    /// The datanet's own least bond, in gwei; governance's counts where that is higher.
    uint64 bondGwei;
    string name;
    string licence;
}

/// @notice What an operator publishes.
struct NewVersion {
    /// Merkle root over the contributions, as `protocol/datanet.ts` has it.
    bytes32 root;
    uint32 contributionCount;
    /// Size of all contributions.
    uint64 totalBytes;
    /// SPDX expression of the version as a whole, 1 to 64 bytes.
    string licence;
    /// Content id of the list of contributions, 1 to 111 bytes.
    string manifest;
    /// Where the data lies besides, up to 4,096 bytes; empty where the manifest is enough.
    string availability;
}

struct Version {
    bytes32 root;
    uint64 totalBytes;
    uint32 contributionCount;
    /// The block whose log has the texts.
    uint64 blockNumber;
    /// Hash of licence, manifest and availability, to check texts that somebody else kept.
    bytes32 texts;
}

/// @notice Datanets by number, and their versions.
library Datanets {
    uint256 internal constant MAX_NAME_BYTES = 64;
    /// @dev `cid` of `protocol/fields.ts`.
    uint256 internal constant MAX_CID_BYTES = 111;
    /// @dev `MAX_REFERENCE_LENGTH` of `worker/availability/availability.ts`.
    uint256 internal constant MAX_REFERENCE_BYTES = 4096;

    struct State {
        uint256 count;
        mapping(uint256 datanetId => Datanet) datanets;
        mapping(uint256 datanetId => mapping(uint256 version => Version)) versions;
    }

    error BadLength(string what, uint256 lengthBytes, uint256 maxBytes);
    error NotOperator(uint256 datanetId, address caller);
    error EmptyVersion(uint256 datanetId);
    error NoDatanet(uint256 datanetId);

    function create(State storage self, string calldata name, string calldata licence, uint64 bondGwei)
        internal
        returns (uint256 datanetId)
    {
        requireLength("name", name, MAX_NAME_BYTES);
        requireLength("licence", licence, MAX_NAME_BYTES);
        datanetId = ++self.count;
        self.datanets[datanetId] = Datanet(msg.sender, 0, bondGwei, name, licence);
    }

    function publish(State storage self, uint256 datanetId, NewVersion calldata fresh)
        internal
        returns (uint256 version)
    {
        Datanet storage known = self.datanets[datanetId];
        if (known.operator != msg.sender) revert NotOperator(datanetId, msg.sender);
        if (fresh.root == 0 || fresh.contributionCount == 0) revert EmptyVersion(datanetId);
        requireLength("licence", fresh.licence, MAX_NAME_BYTES);
        requireLength("manifest", fresh.manifest, MAX_CID_BYTES);
        uint256 referenceBytes = bytes(fresh.availability).length;
        if (referenceBytes > MAX_REFERENCE_BYTES) {
            revert BadLength("availability", referenceBytes, MAX_REFERENCE_BYTES);
        }
        version = ++known.versionCount;
        self.versions[datanetId][version] = Version(
            fresh.root,
            fresh.totalBytes,
            fresh.contributionCount,
            uint64(block.number),
            keccak256(abi.encode(fresh.licence, fresh.manifest, fresh.availability))
        );
    }

    function requireDatanet(State storage self, uint256 datanetId) internal view returns (Datanet storage known) {
        known = self.datanets[datanetId];
        if (known.operator == address(0)) revert NoDatanet(datanetId);
    }

    function requireLength(string memory what, string calldata text, uint256 maxBytes) internal pure {
        uint256 lengthBytes = bytes(text).length;
        if (lengthBytes == 0 || lengthBytes > maxBytes) revert BadLength(what, lengthBytes, maxBytes);
    }
}
