// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GOpen} from "../../src/GOpen.sol";
import {OpenGovernor} from "../../src/OpenGovernor.sol";
import {Params} from "../../src/Params.sol";
import {Timelock} from "../../src/Timelock.sol";
import {Param} from "../../src/types/Param.sol";
import {Base} from "./Base.sol";
import {VM} from "./Vm.sol";

/// @notice Governance, wired as `worker/chain/deploy.ts` wires it, in times that are easily told apart.
abstract contract GovernanceBase is Base {
    uint64 internal constant EPOCH = 1000;
    uint48 internal constant VOTING_DELAY = 10;
    uint32 internal constant VOTING_PERIOD = 100;
    uint256 internal constant TIMELOCK_DELAY = 50;
    uint256 internal constant THRESHOLD_WEI = 100 ether;
    uint256 internal constant QUORUM_PERCENT = 25;
    uint256 internal constant LEAST_QUORUM_WEI = 150 ether;

    GOpen internal gOpen;
    Timelock internal timelock;
    OpenGovernor internal governor;
    Params internal params;

    function deployGovernance() internal {
        VM.warp(1_800_000_500);
        address predicted = VM.computeCreateAddress(address(this), VM.getNonce(address(this)) + 2);
        gOpen = GOpen(payable(create("GOpen", "")));
        timelock = Timelock(payable(create("Timelock", abi.encode(TIMELOCK_DELAY, predicted))));
        OpenGovernor.Terms memory terms =
            OpenGovernor.Terms(VOTING_DELAY, VOTING_PERIOD, THRESHOLD_WEI, QUORUM_PERCENT, LEAST_QUORUM_WEI);
        governor = OpenGovernor(payable(create("OpenGovernor", abi.encode(gOpen, timelock, terms))));
        params = deployParams(address(timelock));
    }

    function deployParams(address governor_) internal returns (Params) {
        return Params(create("Params", abi.encode(governor_, EPOCH, initialValues())));
    }

    /// @dev The values of `protocol/parameters.ts`.
    function initialValues() internal view returns (uint64[] memory) {
        string memory json = VM.readFile("test/vectors/contracts.json");
        return toUint64s(VM.parseJsonUintArray(json, ".parameters.initial"));
    }

    function toUint64s(uint256[] memory wide) internal pure returns (uint64[] memory values) {
        values = new uint64[](wide.length);
        for (uint256 i = 0; i < wide.length; i++) {
            values[i] = uint64(wide[i]);
        }
    }

    function one(Param param, uint64 value) internal pure returns (Param[] memory names, uint64[] memory values) {
        names = new Param[](1);
        values = new uint64[](1);
        names[0] = param;
        values[0] = value;
    }
}
