// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Orders} from "../src/libraries/Orders.sol";
import {Reviews} from "../src/libraries/Reviews.sol";
import {Contribution, leafOf as contributionLeaf} from "../src/types/Contribution.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {VM} from "./support/Vm.sol";

/// @notice Contributions, milestones and orders hash as `protocol` has it: `test/vectors/contracts.json` was written there.
contract DataVectorsTest is RegistryBase {
    string private _json;
    address private _verifier;

    function setUp() public {
        deployRegistries();
        _json = VM.readFile("test/vectors/contracts.json");
        _verifier = VM.parseJsonAddress(_json, ".domain.contract");
        VM.chainId(VM.parseJsonUint(_json, ".domain.chainId"));
    }

    function test_hashesMilestonesAndTakeovers() public view {
        bytes32 reached = Orders.hashMilestone(
            _bytes32(".milestone.reached.jobId"),
            VM.parseJsonUint(_json, ".milestone.reached.index"),
            _bytes32(".milestone.reached.commitment")
        );
        require(typed(_verifier, reached) == _bytes32(".milestone.reached.digest"), "milestone");
        bytes32 takeover = Orders.hashTakeover(
            _bytes32(".milestone.takeover.jobId"),
            uint32(VM.parseJsonUint(_json, ".milestone.takeover.round")),
            VM.parseJsonAddress(_json, ".milestone.takeover.payee")
        );
        require(typed(_verifier, takeover) == _bytes32(".milestone.takeover.digest"), "takeover");
        bytes32 orderId = Orders.idOf(
            VM.parseJsonAddress(_json, ".milestone.order.requester"), _bytes32(".milestone.takeover.jobId")
        );
        require(orderId == _bytes32(".milestone.order.id"), "order");
    }

    function test_provesContributions() public view {
        bytes32 root = _bytes32(".contributions.root");
        for (uint256 i = 0; i < 3; i++) {
            string memory path = string.concat(".contributions.list[", VM.toString(i), "]");
            Contribution memory one = Contribution(
                VM.parseJsonAddress(_json, string.concat(path, ".contributor")),
                _bytes32(string.concat(path, ".nameHash")),
                _bytes32(string.concat(path, ".licenceHash")),
                _bytes32(string.concat(path, ".textHash"))
            );
            bytes32 leaf = this.leafOfCalldata(one);
            require(leaf == _bytes32(string.concat(path, ".leaf")), path);
            bytes32[] memory siblings = VM.parseJsonBytes32Array(_json, string.concat(path, ".siblings"));
            require(exposed.verify(root, 3, leaf, i, siblings), path);
        }
    }

    function test_sealsVotes() public view {
        address validator = VM.parseJsonAddress(_json, ".endorsement.value.validator");
        bytes32 salt = keccak256("salt");
        require(Reviews.sealOf(7, validator, true, salt) == _bytes32(".seals[0].seal"), "spam");
        require(Reviews.sealOf(7, validator, false, salt) == _bytes32(".seals[1].seal"), "clean");
    }

    function leafOfCalldata(Contribution calldata one) external pure returns (bytes32) {
        return contributionLeaf(one);
    }

    function _bytes32(string memory path) private view returns (bytes32) {
        return VM.parseJsonBytes32(_json, path);
    }
}
