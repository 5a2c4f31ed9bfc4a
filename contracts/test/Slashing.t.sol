// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeVault} from "../src/StakeVault.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Member, Stakes} from "../src/libraries/Stakes.sol";
import {TypedData} from "../src/libraries/TypedData.sol";
import {BatchHeader} from "../src/types/Batch.sol";
import {Param} from "../src/types/Param.sol";
import {LedgerBase} from "./support/LedgerBase.sol";
import {MockParams} from "./support/RegistryMocks.sol";
import {Receiver} from "./support/Receivers.sol";
import {VM} from "./support/Vm.sol";

contract SlashingTest is LedgerBase {
    uint256 private constant NODE_KEY = 77;
    address private constant REPORTER = address(0xC0FFEE);
    address private immutable NODE = VM.addr(NODE_KEY);

    function setUp() public {
        setUpLedger();
        stakeFor(NODE_KEY, VALIDATOR, 4 ether);
    }

    function test_letsOnlyJudgesSlash() public {
        VM.expectRevert(abi.encodeWithSelector(StakeVault.NotAllowed.selector, address(this)));
        vault.slash(NODE, 1, REPORTER);
        address[3] memory judges = [address(disputes), address(jury), address(ledger)];
        for (uint256 i = 0; i < 3; i++) {
            VM.prank(judges[i]);
            equal(vault.slash(NODE, 1, REPORTER), 1, "taken");
        }
    }

    function test_letsOnlyTheLedgerLock() public {
        bytes memory refusal = abi.encodeWithSelector(StakeVault.NotAllowed.selector, address(disputes));
        VM.prank(address(disputes));
        VM.expectRevert(refusal);
        vault.lockFor(NODE, 1, new address[](0));
        VM.prank(address(disputes));
        VM.expectRevert(refusal);
        vault.unlock(NODE, 1);
    }

    function test_takesNoMoreThanTheStake() public {
        equal(_slash(100 ether), 4 ether, "taken");
        equal(vault.member(NODE).stakeWei, 0, "left");
        equal(vault.validatorsStakeWei(), 3 * STAKE_WEI, "validators");
        equal(_slash(1), 0, "taken from nothing");
    }

    function test_paysTheReporterAndBurnsTheRest() public {
        uint256 rewardWei = _slash(2 ether) * rules.valueAt(Param.ReporterBps, rules.epoch()) / 10_000;
        require(rewardWei > 0, "no reward");
        equal(REPORTER.balance, rewardWei, "reward");
        equal(Purses.BURNED.balance, 2 ether - rewardWei, "burned");
    }

    function test_burnsItAllWhereNobodyReported() public {
        VM.prank(address(jury));
        vault.slash(NODE, 2 ether, address(0));
        equal(Purses.BURNED.balance, 2 ether, "burned");
    }

    /// @dev Parameters are bounded, but whatever they said: who reports itself loses half.
    function test_burnsHalfWhateverParametersSay() public {
        MockParams generous = new MockParams();
        generous.set(Param.ReporterBps, 10_000);
        bytes memory wiring = abi.encode(generous, address(this), address(this), address(this), address(this));
        StakeVault other = StakeVault(payable(create("StakeVault", wiring)));
        bytes32 hash = TypedData.hashNodeConsent(NODE, address(this), VALIDATOR, 0);
        other.stake{value: 4 ether}(NODE, VALIDATOR, signature(NODE_KEY, typed(address(other), hash)));
        other.slash(NODE, 3 ether, REPORTER);
        equal(REPORTER.balance, 1.5 ether, "reward");
        equal(Purses.BURNED.balance, 1.5 ether, "burned");
    }

    /// @dev A reporter that takes no money must not keep anybody from being slashed.
    function test_burnsTheRewardOfAReporterThatRefusesIt() public {
        Receiver refusing = new Receiver();
        refusing.refuse(true);
        VM.prank(address(disputes));
        equal(vault.slash(NODE, 2 ether, address(refusing)), 2 ether, "taken");
        equal(Purses.BURNED.balance, 2 ether, "burned");
    }

    function test_slashesStakeThatWasAskedToLeave() public {
        vault.requestExit(NODE);
        passTime(EXIT_DELAY - 1);
        equal(_slash(1 ether), 1 ether, "taken");
        passTime(1);
        // Due, but not withdrawn yet: the first to come wins.
        equal(_slash(1 ether), 1 ether, "taken late");
        uint256 beforeWei = address(this).balance;
        vault.withdraw(NODE);
        equal(address(this).balance - beforeWei, 2 ether, "left");
        equal(_slash(1 ether), 0, "taken from nobody");
        equal(vault.validatorsStakeWei(), 3 * STAKE_WEI, "validators");
    }

    function test_keepsLockedStakeFromLeaving() public {
        BatchHeader memory header = leaving(1, 1 ether, 0);
        header.proposer = NODE;
        post(header);
        vault.requestExit(NODE);
        passTime(EXIT_DELAY);
        VM.expectRevert(abi.encodeWithSelector(Stakes.StandsForBatches.selector, NODE, BOND_WEI));
        vault.withdraw(NODE);
        ledger.finalise(header);
        vault.withdraw(NODE);
    }

    function test_locksNoMoreThanThereIs() public {
        _slash(4 ether - BOND_WEI / 2);
        BatchHeader memory header = leaving(1, 1 ether, 0);
        header.proposer = NODE;
        bytes memory refusal = abi.encodeWithSelector(Stakes.LockOverStake.selector, NODE, BOND_WEI, BOND_WEI / 2);
        VM.expectRevert(refusal);
        this.postFrom(header);
    }

    function test_lowersWhatIsLockedToWhatIsLeft() public {
        BatchHeader memory header = leaving(1, 1 ether, 0);
        header.proposer = NODE;
        post(header);
        _slash(4 ether - BOND_WEI / 4);
        Member memory known = vault.member(NODE);
        equal(known.lockedWei, BOND_WEI / 4, "locked");
        equal(known.stakeWei, BOND_WEI / 4, "stake");
        passTime(WINDOW);
        ledger.finalise(header);
        equal(vault.member(NODE).lockedWei, 0, "unlocked");
    }

    /// @dev Window and dispute may grow: who leaves waits for the last word all the same.
    function test_holdsAnExitForTheLongestDispute() public {
        MockParams slow = new MockParams();
        slow.set(Param.ExitDelaySeconds, 10);
        slow.set(Param.WindowSeconds, 1000);
        slow.set(Param.AnswerSeconds, 300);
        slow.set(Param.CommitSeconds, 200);
        slow.set(Param.RevealSeconds, 200);
        bytes memory wiring = abi.encode(slow, address(this), address(this), address(this), address(this));
        StakeVault other = StakeVault(payable(create("StakeVault", wiring)));
        bytes32 hash = TypedData.hashNodeConsent(NODE, address(this), VALIDATOR, 0);
        other.stake{value: 4 ether}(NODE, VALIDATOR, signature(NODE_KEY, typed(address(other), hash)));
        other.requestExit(NODE);
        require(other.member(NODE).exitAt > START + 1400, "leaves before the last word");
    }

    function postFrom(BatchHeader calldata header) external {
        post(header);
    }

    function _slash(uint256 amountWei) private returns (uint256) {
        VM.prank(address(disputes));
        return vault.slash(NODE, amountWei, REPORTER);
    }
}
