// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DatanetRegistry} from "../../src/DatanetRegistry.sol";
import {JobEscrow} from "../../src/JobEscrow.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {NewVersion} from "../../src/libraries/Datanets.sol";
import {Contribution} from "../../src/types/Contribution.sol";
import {Param} from "../../src/types/Param.sol";
import {Base} from "./Base.sol";
import {Exposed} from "./Exposed.sol";
import {MockLedger, MockParams, MockVault} from "./RegistryMocks.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/// @notice Registries and job escrow over parameters, stakes and batches that the test sets.
abstract contract RegistryBase is Base {
    string internal constant MANIFEST = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    uint256 internal constant BOND = 1 ether;
    uint64 internal constant REVIEW = 1000;
    uint64 internal constant SLASH_BPS = 6000;
    uint64 internal constant REPORTER_BPS = 3000;

    MockParams internal params;
    MockVault internal stakes;
    MockLedger internal batches;
    JobEscrow internal orders;

    function deployRegistries() internal {
        VM.warp(1_800_000_000);
        exposed = new Exposed();
        params = new MockParams();
        stakes = new MockVault();
        batches = new MockLedger();
        params.set(Param.ContributionBondGwei, uint64(BOND / 1 gwei));
        params.set(Param.ReviewSeconds, REVIEW);
        params.set(Param.ReviewSlashBps, SLASH_BPS);
        params.set(Param.ReporterBps, REPORTER_BPS);
        datanets = DatanetRegistry(create("DatanetRegistry", abi.encode(params, stakes)));
        models = ModelRegistry(create("ModelRegistry", abi.encode(batches, params, datanets)));
        orders = JobEscrow(create("JobEscrow", abi.encode(stakes)));
    }

    function versionOf(bytes32 root, uint32 count) internal pure returns (NewVersion memory) {
        return NewVersion(root, count, 1000, "MIT", MANIFEST, "");
    }

    /// @dev A contribution of somebody's, told from others by a number.
    function contributionOf(address contributor, uint256 number) internal pure returns (Contribution memory) {
        return
            Contribution(contributor, keccak256(abi.encode(number)), keccak256("MIT"), keccak256(abi.encode(~number)));
    }

    function leavesOf(Contribution[] memory list) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](list.length);
        for (uint256 i = 0; i < list.length; i++) {
            leaves[i] = leafOf(list[i]);
        }
    }

    function leafOf(Contribution memory one) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(one.contributor, one.nameHash, one.licenceHash, one.textHash));
    }

    /// @dev A datanet of this contract's with one version of these contributions.
    function publish(Contribution[] memory list) internal returns (uint256 datanetId) {
        datanetId = datanets.create("docs", "MIT", 0);
        datanets.publish(datanetId, versionOf(Trees.root(leavesOf(list)), uint32(list.length)));
    }

    /// @dev Keys of so many validators, ascending by address; none of them staked yet.
    function sortKeys(uint256 count) internal {
        for (uint256 i = 0; i < count; i++) {
            validatorKeys.push(1000 + i);
        }
        for (uint256 i = 1; i < count; i++) {
            for (uint256 j = i; j > 0 && VM.addr(validatorKeys[j]) < VM.addr(validatorKeys[j - 1]); j--) {
                (validatorKeys[j], validatorKeys[j - 1]) = (validatorKeys[j - 1], validatorKeys[j]);
            }
        }
    }
}
