// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Part, Share, Way} from "../src/libraries/Evidence.sol";
import {MerkleTree} from "../src/libraries/MerkleTree.sol";
import {Claim, Opening, Vote} from "../src/types/Statement.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

/// @notice What is signed or proved in a dispute, to the byte as `protocol` has it.
contract EvidenceVectorsTest is Base {
    string private _json;

    function setUp() public {
        deploySystem();
        _json = VM.readFile("test/vectors/contracts.json");
        VM.chainId(VM.parseJsonUint(_json, ".domain.chainId"));
    }

    function test_hashesClaims() public view {
        Claim memory claim = Claim({
            jobId: _bytes32(".claim.value.jobId"),
            worker: VM.parseJsonAddress(_json, ".claim.value.worker"),
            output: VM.parseJsonString(_json, ".claim.value.output"),
            commitment: _bytes32(".claim.value.commitment"),
            attribution: _bytes32(".claim.value.attribution"),
            units: uint32(_uint(".claim.value.units")),
            graph: _bytes32(".claim.value.graph"),
            issuedAtMs: uint64(_uint(".claim.value.issuedAtMs"))
        });
        require(_digest(exposed.hashClaim(claim)) == _bytes32(".claim.digest"), "claim");
    }

    function test_hashesVotes() public view {
        Vote memory vote = Vote({
            jobId: _bytes32(".vote.value.jobId"),
            claim: _bytes32(".vote.value.claim"),
            validator: VM.parseJsonAddress(_json, ".vote.value.validator"),
            verdict: VM.parseJsonString(_json, ".vote.value.verdict"),
            reason: VM.parseJsonString(_json, ".vote.value.reason"),
            checked: uint32(_uint(".vote.value.checked")),
            beaconBlock: uint64(_uint(".vote.value.beaconBlock")),
            seal: _bytes32(".vote.value.seal"),
            issuedAtMs: uint64(_uint(".vote.value.issuedAtMs"))
        });
        require(_digest(exposed.hashVote(vote)) == _bytes32(".vote.digest"), "vote");
    }

    function test_hashesOpenings() public view {
        Opening memory opening = Opening({
            jobId: _bytes32(".opening.value.jobId"),
            claim: _bytes32(".opening.value.claim"),
            validator: VM.parseJsonAddress(_json, ".opening.value.validator"),
            transcript: _bytes32(".opening.value.transcript"),
            state: _bytes32(".opening.value.state"),
            path: uint32(_uint(".opening.value.path")),
            siblings: VM.parseJsonBytes32Array(_json, ".opening.value.siblings"),
            issuedAtMs: uint64(_uint(".opening.value.issuedAtMs"))
        });
        require(_digest(exposed.hashOpening(opening)) == _bytes32(".opening.digest"), "opening");
    }

    /// @dev Two shares and a span, in this order.
    function test_writesTheLeavesOfAnAnswer() public view {
        bytes32 queryRoot = exposed.rowRoot(_part(".evidence.queryParts[2]"), 2);
        uint64 decoys = uint64(_uint(".evidence.decoys"));
        bytes memory head = exposed.headLeaf(decoys, uint128(_uint(".evidence.decoySquares")), queryRoot);
        require(keccak256(head) == keccak256(_bytes(".evidence.head")), "head");
        for (uint256 i = 0; i < 2; i++) {
            _requireLeaf(i, exposed.shareLeaf(_share(i)));
        }
        (uint32 place, uint32 occurrences) = (uint32(_uint(".evidence.span.place")), uint32(_uint(".evidence.span.occurrences")));
        _requireLeaf(2, exposed.spanLeaf(place, occurrences, _bytes(".evidence.span.tokens")));
    }

    function test_provesTheLeavesOfAnAnswer() public view {
        bytes32 root = _bytes32(".evidence.root");
        bytes32 head = MerkleTree.hashLeaf(_bytes(".evidence.head"));
        for (uint256 i = 0; i < 3; i++) {
            bytes memory leaf = _bytes(_at(".evidence.leaves", i));
            Way memory way = _way(_at(".evidence.ways", i));
            // A span's way goes up to the root, a share's to the node beside the head.
            bytes32 top = i == 2 ? root : exposed.climb(MerkleTree.hashLeaf(leaf), way.path, way.siblings);
            require(i == 2 || MerkleTree.hashNode(head, top) == root, "share");
            require(exposed.holds(top, leaf, way.path, way.siblings), "refused a leaf");
            require(!exposed.holds(top, bytes.concat(leaf, hex"00"), way.path, way.siblings), "took a longer leaf");
            require(!exposed.holds(top, leaf, way.path ^ 1, way.siblings), "took another way");
        }
    }

    /// @dev One row fits a byte a coordinate; the sum of three takes two.
    function test_multipliesSumsOfEitherWidthByPart() public view {
        for (uint256 i = 0; i < 8; i++) {
            (uint256 row, uint256 part) = (i / 4, i % 4);
            Part memory vector = _part(_at(_at(".evidence.vectorParts", row), part));
            Part memory query = _part(_at(".evidence.queryParts", part));
            equal(vector.coordinates.length, (row + 1) * query.coordinates.length, "width");
            (bool fits, int256 product) = exposed.dot(vector.coordinates, query.coordinates);
            int256 expected = VM.parseJsonInt(_json, _at(string.concat(_at(".evidence.shares", row), ".parts"), part));
            require(fits && product == expected, "product");
            require(exposed.partOf(_share(row), part) == expected, "packed");
            bytes memory sum = exposed.sumLeaf(_share(row).contributor, _share(row).rows, exposed.rowRoot(vector, part));
            require(keccak256(sum) == keccak256(_bytes(_at(".evidence.sums", row))), "sum");
            Way memory way = _way(_at(".evidence.sumWays", row));
            require(exposed.holds(_bytes32(".evidence.influence"), sum, way.path, way.siblings), "way of the sum");
        }
    }

    function test_joinsBothIndexes() public view {
        bytes32 root = exposed.indexesRoot(_bytes32(".evidence.indexes.influence"), _bytes32(".evidence.indexes.spans"));
        require(root == _bytes32(".evidence.indexes.root"), "indexes");
    }

    function _requireLeaf(uint256 index, bytes memory leaf) private view {
        require(keccak256(leaf) == keccak256(_bytes(_at(".evidence.leaves", index))), VM.toString(index));
    }

    function _share(uint256 index) private view returns (Share memory) {
        string memory path = _at(".evidence.shares", index);
        address contributor = VM.parseJsonAddress(_json, string.concat(path, ".contributor"));
        return Share(contributor, uint64(_uint(string.concat(path, ".rows"))), _bytes32(string.concat(path, ".packed")));
    }

    function _part(string memory path) private view returns (Part memory) {
        bytes32[] memory siblings = VM.parseJsonBytes32Array(_json, string.concat(path, ".siblings"));
        return Part(_bytes(string.concat(path, ".coordinates")), [siblings[0], siblings[1]]);
    }

    function _way(string memory path) private view returns (Way memory) {
        bytes32[] memory siblings = VM.parseJsonBytes32Array(_json, string.concat(path, ".siblings"));
        return Way(_uint(string.concat(path, ".path")), siblings);
    }

    function _digest(bytes32 hash) private view returns (bytes32) {
        return typed(VM.parseJsonAddress(_json, ".domain.contract"), hash);
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", VM.toString(index), "]");
    }

    function _bytes(string memory path) private view returns (bytes memory) {
        return VM.parseJsonBytes(_json, path);
    }

    function _uint(string memory path) private view returns (uint256) {
        return VM.parseJsonUint(_json, path);
    }

    function _bytes32(string memory path) private view returns (bytes32) {
        return VM.parseJsonBytes32(_json, path);
    }
}
