// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Vote} from "../src/types/Statement.sol";
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
            issuedAtMs: uint64(_uint(".vote.value.issuedAtMs"))
        });
        require(_digest(exposed.hashVote(vote)) == _bytes32(".vote.digest"), "vote");
    }

    /// @dev Head, two shares and a span, in this order.
    function test_writesTheLeavesOfAnAnswer() public view {
        bytes memory query = _bytes(".evidence.query");
        uint64 decoys = uint64(_uint(".evidence.decoys"));
        _requireLeaf(0, exposed.headLeaf(decoys, uint128(_uint(".evidence.decoySquares")), query));
        for (uint256 i = 0; i < 2; i++) {
            string memory path = _at(".evidence.shares", i);
            address contributor = VM.parseJsonAddress(_json, string.concat(path, ".contributor"));
            uint64 rows = uint64(_uint(string.concat(path, ".rows")));
            _requireLeaf(1 + i, exposed.shareLeaf(contributor, rows, int64(_score(i))));
        }
        uint32 occurrences = uint32(_uint(".evidence.span.occurrences"));
        _requireLeaf(3, exposed.spanLeaf(occurrences, _bytes(".evidence.span.tokens")));
    }

    function test_provesTheLeavesOfAnAnswer() public view {
        bytes32 root = _bytes32(".evidence.root");
        uint256[] memory paths = VM.parseJsonUintArray(_json, ".evidence.paths");
        for (uint256 i = 0; i < 4; i++) {
            bytes memory leaf = _bytes(_at(".evidence.leaves", i));
            bytes32[] memory siblings = VM.parseJsonBytes32Array(_json, _at(".evidence.siblings", i));
            require(exposed.holds(root, leaf, paths[i], siblings), "refused a leaf");
            require(!exposed.holds(root, bytes.concat(leaf, hex"00"), paths[i], siblings), "took a longer leaf");
            require(!exposed.holds(root, leaf, paths[i] ^ 1, siblings), "took another way");
        }
    }

    /// @dev One row fits a byte a coordinate; the sum of three takes two.
    function test_multipliesSumsOfEitherWidth() public view {
        bytes memory query = _bytes(".evidence.query");
        for (uint256 i = 0; i < 2; i++) {
            bytes memory vector = _bytes(_at(".evidence.vectors", i));
            equal(vector.length, (i + 1) * query.length, "width");
            require(exposed.dot(vector, query) == _score(i), "score");
            string memory path = _at(".evidence.shares", i);
            address contributor = VM.parseJsonAddress(_json, string.concat(path, ".contributor"));
            bytes memory sum = exposed.sumLeaf(contributor, uint64(_uint(string.concat(path, ".rows"))), vector);
            require(keccak256(sum) == keccak256(_bytes(_at(".evidence.sums", i))), "sum");
        }
    }

    function test_joinsBothIndexes() public view {
        bytes32 root = exposed.indexesRoot(_bytes32(".evidence.indexes.influence"), _bytes32(".evidence.indexes.spans"));
        require(root == _bytes32(".evidence.indexes.root"), "indexes");
    }

    function _requireLeaf(uint256 index, bytes memory leaf) private view {
        require(keccak256(leaf) == keccak256(_bytes(_at(".evidence.leaves", index))), VM.toString(index));
    }

    function _score(uint256 index) private view returns (int256) {
        return VM.parseJsonInt(_json, string.concat(_at(".evidence.shares", index), ".score"));
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
