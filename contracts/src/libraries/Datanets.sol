// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A dataset and who may add versions to it.
struct Datanet {
    address operator;
    uint32 versionCount;
    string name;
    string licence;
}

struct Version {
    bytes32 root;
    uint64 totalBytes;
    uint32 contributionCount;
    /// The block whose log has the manifest.
    uint64 blockNumber;
}

/// @notice Datanets by number, and their versions.
library Datanets {
    uint256 internal constant MAX_NAME_BYTES = 64;
    /// @dev `cid` of `protocol/fields.ts`.
    uint256 internal constant MAX_CID_BYTES = 111;

    struct State {
        uint256 count;
        mapping(uint256 datanetId => Datanet) datanets;
        mapping(uint256 datanetId => mapping(uint256 version => Version)) versions;
    }

    error BadLength(string what, uint256 lengthBytes, uint256 maxBytes);
    error NotOperator(uint256 datanetId, address caller);
    error EmptyVersion(uint256 datanetId);

    function create(State storage self, string calldata name, string calldata licence)
        internal
        returns (uint256 datanetId)
    {
        requireLength("name", name, MAX_NAME_BYTES);
        requireLength("licence", licence, MAX_NAME_BYTES);
        datanetId = ++self.count;
        self.datanets[datanetId] = Datanet(msg.sender, 0, name, licence);
    }

    function publish(
        State storage self,
        uint256 datanetId,
        bytes32 root,
        uint32 contributionCount,
        string calldata manifest,
        uint64 totalBytes
    ) internal returns (uint256 version) {
        Datanet storage known = self.datanets[datanetId];
        if (known.operator != msg.sender) revert NotOperator(datanetId, msg.sender);
        if (root == 0 || contributionCount == 0) revert EmptyVersion(datanetId);
        requireLength("manifest", manifest, MAX_CID_BYTES);
        version = ++known.versionCount;
        self.versions[datanetId][version] = Version(root, totalBytes, contributionCount, uint64(block.number));
    }

    function requireLength(string memory what, string calldata text, uint256 maxBytes) internal pure {
        uint256 lengthBytes = bytes(text).length;
        if (lengthBytes == 0 || lengthBytes > maxBytes) revert BadLength(what, lengthBytes, maxBytes);
    }
}
